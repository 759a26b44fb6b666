// Calls the workflow through the ingress: accepted once it is on disk, answered when the last step is.
import http2 from "node:http2";
import { answer } from "./asked.js";

const IN_FLIGHT = 500;
const session = http2.connect(process.argv[2]);

function one(input) {
  return new Promise((resolve, reject) => {
    const request = session.request({
      ":method": "POST",
      ":path": "/bench/run",
      "content-type": "application/json",
    });
    let status;
    request.on("response", (headers) => (status = headers[":status"]));
    request.on("error", reject);
    request.on("end", () => (status === 200 ? resolve() : reject(new Error(`status ${status}`))));
    request.resume();
    request.end(JSON.stringify(input));
  });
}

async function load(count, input) {
  let left = count;
  const caller = async () => {
    while (left-- > 0) await one(input);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, caller));
}

await answer({ one, load }, Number(process.argv[3]));
