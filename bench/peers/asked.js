// What each client in JavaScript answers: `alone N` with the milliseconds of each, `load N` with the seconds of all.
import readline from "node:readline";

export async function answer({ one, load }, payloadBytes) {
  const input = { payload: "x".repeat(payloadBytes) };
  const questions = {
    async alone(count) {
      const latencies = [];
      for (let index = 0; index < count; index++) {
        const begun = performance.now();
        await one(input);
        latencies.push(performance.now() - begun);
      }
      return latencies;
    },
    async load(count) {
      const begun = performance.now();
      await load(count, input);
      return (performance.now() - begun) / 1000;
    },
  };
  console.log("ready");
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [question, count] = line.split(" ");
    console.log(JSON.stringify(await questions[question](Number(count))));
  }
  process.exit(0);
}
