import { describe, expect, it } from "vitest";
import { duration, isoDuration } from "./format";

describe("duration", () => {
  it.each([
    [-5_000, "0:00"],
    [0, "0:00"],
    [7_900, "0:07"],
    [760_000, "12:40"],
    [3_599_999, "59:59"],
    [11_109_000, "3:05:09"],
    [86_400_000 * 2 + 3_600_000 * 4, "2 d 4 h"],
  ])("%i ms reads %s", (ms, text) => expect(duration(ms)).toBe(text));
});

it("isoDuration counts whole seconds", () => expect(isoDuration(127_800)).toBe("PT127S"));
