// The workflow: five steps, each of which waits until the server has the outcome of the one before on disk.
import "./older-node.js";
import * as restate from "@restatedev/restate-sdk";

const STEPS = 5;

const noop = (_input) => ({});

const bench = restate.service({
  name: "bench",
  handlers: {
    run: async (ctx, input) => {
      for (let step = 1; step <= STEPS; step++) {
        await ctx.run(`step${step}`, () => noop(input));
      }
      return {};
    },
  },
});

await restate.serve({ services: [bench], port: Number(process.argv[2]) });
console.log("ready");
