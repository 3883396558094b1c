// Answers one question again and again with npm's slot-calculator, for benchmarks/slot_calculator.py.
// The first line of the input is the question as getSlots takes it; every further line asks for one more run,
// which is answered by a line with the available starts in UTC minutes.
"use strict";
const { createRequire } = require("node:module");
const readline = require("node:readline");
const { getSlots } = createRequire(process.argv[2])("slot-calculator");

let question;
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  if (question === undefined) {
    question = JSON.parse(line);
    return;
  }
  const { availableSlots } = getSlots({ ...question });
  console.log(JSON.stringify(availableSlots.map((slot) => Date.parse(slot.from) / 60000)));
});
