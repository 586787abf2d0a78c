// Starts the program under test and finds out where it listens.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const program = process.env.GATEWAY_BIN;
if (!program) throw new Error("GATEWAY_BIN names no program: run `make sdk`");

/** Starts it and waits until it has printed an address behind each of these words. */
export async function start(args, words) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  const found = {};
  const exited = new Promise((_, reject) => child.once("exit", (code) => reject(new Error(`${args[0]} ended with ${code}`))));
  exited.catch(() => {});
  const announced = (async () => {
    for await (const line of createInterface({ input: child.stdout })) {
      for (const word of words) {
        const url = line.includes(word) && line.match(/http:\/\/\S+?(?=\/?$)/);
        if (url) found[word] = url[0];
      }
      if (words.every((word) => found[word])) return;
    }
  })();
  await Promise.race([announced, exited]);
  child.stdout.resume();
  return { found, stop: () => child.kill("SIGTERM") };
}

/** Waits until `look` gives something. */
export async function eventually(what, look, patience = 30_000) {
  const deadline = Date.now() + patience;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
