// Adds flows of five jobs, each the child of the next one, and counts the last jobs that are completed.
import { FlowProducer, QueueEvents } from "bullmq";
import { answer } from "./asked.js";

const STEPS = 5;
const FLOWS_PER_CALL = 50;
const CALLS_IN_FLIGHT = 4;
const connection = { host: "127.0.0.1", port: Number(process.argv[2]), maxRetriesPerRequest: null };

// The last step has a queue of its own, so that nobody has to listen to all the others.
const flows = new FlowProducer({ connection });
const events = new QueueEvents("last", { connection });
await Promise.all([flows.waitUntilReady(), events.waitUntilReady()]);

let completed = 0;
let wanted = 0;
let allCompleted;
events.on("completed", () => {
  if (++completed === wanted) allCompleted();
});

function flow(data) {
  let job = { name: "step1", queueName: "steps", data };
  for (let step = 2; step <= STEPS; step++) {
    job = { name: `step${step}`, queueName: step === STEPS ? "last" : "steps", data, children: [job] };
  }
  return job;
}

async function load(count, input) {
  wanted = completed + count;
  const done = new Promise((resolve) => (allCompleted = resolve));
  let left = count;
  const adder = async () => {
    while (left > 0) {
      const some = Math.min(left, FLOWS_PER_CALL);
      left -= some;
      await flows.addBulk(Array.from({ length: some }, () => flow(input)));
    }
  };
  await Promise.all(Array.from({ length: CALLS_IN_FLIGHT }, adder));
  await done;
}

await answer({ one: (input) => load(1, input), load }, Number(process.argv[3]));
