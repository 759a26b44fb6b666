// Runs the jobs. The outcome of one, the release of the next and the fetch of another are one script in Redis.
import { Worker } from "bullmq";

const CONCURRENCY = 50;
const connection = { host: "127.0.0.1", port: Number(process.argv[2]), maxRetriesPerRequest: null };

const noop = async (_job) => ({});

const workers = ["steps", "last"].map((queue) => new Worker(queue, noop, { connection, concurrency: CONCURRENCY }));
await Promise.all(workers.map((worker) => worker.waitUntilReady()));
console.log("ready");
