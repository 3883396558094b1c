"""What an operator sets, in variables of the environment that begin with SCHEDULER_."""
