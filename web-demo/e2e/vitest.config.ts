import { defineConfig } from "vitest/config";

// The whole takes about four minutes, and two failures end it. A hook may take longer than anything
// that it waits for, so that a program which does not come up says so itself. A test that passes at
// its second try alone is reported as such ("retry x1").
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["**/*.test.ts"],
    globalSetup: "./setup.ts",
    testTimeout: 40_000,
    hookTimeout: 200_000,
    expect: { poll: { timeout: 15_000 } },
    fileParallelism: false,
    bail: 2,
    retry: 1,
  },
});
