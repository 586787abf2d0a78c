import { InMemoryCache } from "@apollo/client";
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";

const cache = new InMemoryCache();

/** The document as the normalised cache needs it: every object names its type. */
export function withTypenames<TData, TVariables>(
  document: TypedDocumentNode<TData, TVariables>,
): TypedDocumentNode<TData, TVariables> {
  return cache.transformDocument(document) as TypedDocumentNode<TData, TVariables>;
}
