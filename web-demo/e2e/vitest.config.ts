import { defineConfig } from "vitest/config";

// The whole takes about four minutes, and two failures end it.
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["**/*.test.ts"],
    globalSetup: "./programs.ts",
    testTimeout: 40_000,
    hookTimeout: 30_000,
    expect: { poll: { timeout: 15_000 } },
    fileParallelism: false,
    bail: 2,
  },
});
