import { readFileSync } from "node:fs";
import { buildSchema, parse, validate } from "graphql";
import { expect, it } from "vitest";
import { onlyOperation } from "../fetcher";
import { examples } from "./index";

const schema = buildSchema(readFileSync("../schema.graphql", "utf8"));

it.each(examples.map((example) => [example.name, example] as const))(
  "the example '%s' is one operation that the schema knows",
  (_name, { query, variables }) => {
    const document = parse(query);
    expect(validate(schema, document)).toEqual([]);
    expect(onlyOperation(document)).toBeTruthy();
    expect(() => JSON.parse(variables ?? "{}")).not.toThrow();
  },
);
