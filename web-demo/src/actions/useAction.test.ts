import { CombinedGraphQLErrors } from "@apollo/client/errors";
import { expect, it } from "vitest";
import { failure } from "./useAction";

it("tells a refusal with its code and what became of each participant", () => {
  const steps = [{ userId: "ada", state: "REFUSED" }];
  const error = { message: "Genesys refuses", extensions: { code: "GENESYS_ERROR", steps } };
  const cause = new CombinedGraphQLErrors({ data: null, errors: [error] });
  expect(failure(cause)).toEqual({
    state: "failed",
    words: "Genesys refuses (GENESYS_ERROR)",
    steps,
  });
});

it("claims nothing when no answer came", () => {
  expect(failure(new TypeError("Failed to fetch"))).toMatchObject({
    state: "failed",
    words: expect.stringContaining("Nothing is known"),
  });
});
