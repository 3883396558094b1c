// Book the best cadence with the client of @hey-api/openapi-ts.

import { client } from "./client/client.gen.js";
import {
  createBlackout,
  createMeeting,
  createMentorship,
  createPerson,
  findCadences,
} from "./client/sdk.gen.js";

const [url, key, first, last] = process.argv.slice(2) as [string, string, string, string];

client.setConfig({ baseUrl: url, auth: key });
const options = { throwOnError: true } as const;

const mentor = await createPerson({
  ...options,
  body: { name: "Greta", email: "greta@example.org", time_zone: "Europe/Berlin" },
});
const mentee = await createPerson({
  ...options,
  body: { name: "Asha", email: "asha@example.org", time_zone: "Asia/Kolkata", working_hours: "any" },
});
await createBlackout({
  ...options,
  path: { person_id: mentee.data.id },
  body: { kind: "exam", title: "Finals", first_day: first, last_day: first },
});
const dates = { starts_on: first, ends_on: last };
const mentorship = await createMentorship({
  ...options,
  body: { mentor: mentor.data.id, mentee: mentee.data.id, goals: ["First paper"], ...dates },
});
const found = await findCadences({
  ...options,
  body: {
    ...dates,
    duration: "PT45M",
    attendees: [{ person: mentor.data.id }, { person: mentee.data.id }],
  },
});
const best = found.data.cadences[0];
if (best === undefined) throw new Error("no cadence was found");
const { dtstart, time_zone, rrule, occurrences } = best;
const meeting = await createMeeting({
  ...options,
  path: { mentorship_id: mentorship.data.id },
  body: { dtstart, time_zone, rrule, expected: occurrences, duration: "PT45M" },
});
if (meeting.data.occurrences.length !== best.occurrence_count) throw new Error("not the cadence's occurrences");
console.log(`booked ${meeting.data.occurrences.length} occurrences from ${meeting.data.dtstart} in ${time_zone}`);
