import { createGraphiQLFetcher, type Fetcher } from "@graphiql/toolkit";
import { type DocumentNode, Kind, parse } from "graphql";
import { createClient } from "graphql-ws";

const httpUrl = new URL("/graphql", location.href);
const socketUrl = new URL(httpUrl);
socketUrl.protocol = httpUrl.protocol === "https:" ? "wss:" : "ws:";

const send = createGraphiQLFetcher({
  url: httpUrl.href,
  wsClient: createClient({ url: socketUrl.href }),
});

/**
 * GraphiQL learns a moment after a tab was opened which operation it holds; until then it names the
 * one of the tab before. A document with a single operation leaves no doubt.
 */
export const fetcher: Fetcher = (params, options) => {
  const documentAST = readable(params.query);
  const name = documentAST && onlyOperation(documentAST);
  if (!name) return send(params, options);
  return send({ ...params, operationName: name }, { ...options, documentAST });
};

function readable(query: string): DocumentNode | undefined {
  try {
    return parse(query);
  } catch {
    return undefined;
  }
}

export function onlyOperation(document: DocumentNode): string | undefined {
  const operations = document.definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
  const [only] = operations;
  if (operations.length !== 1 || only?.kind !== Kind.OPERATION_DEFINITION) return undefined;
  return only.name?.value;
}
