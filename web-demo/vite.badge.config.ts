import { resolve } from "node:path";
import { defineConfig } from "vite";

/** The badge is one file of its own, under a name that pages can rely on. */
export default defineConfig({
  publicDir: false,
  build: {
    outDir: "dist",
    emptyOutDir: false,
    target: "es2022",
    lib: { entry: resolve("src/badge/main.ts"), formats: ["es"], fileName: () => "badge.js" },
  },
});
