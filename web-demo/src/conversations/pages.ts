import type { ApolloClient } from "@apollo/client";
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { nextPage } from "../api/fragments";
import type { ConversationFilter, ListEndFragment } from "../gql/graphql";
import type { LivePage } from "./LiveList";
import type { LiveRow } from "./liveRows";

interface Listed<TRow> {
  conversations: { nodes: readonly TRow[] } & ListEndFragment;
}
interface Variables {
  filter?: ConversationFilter | null;
  first: number;
  after?: string | null;
}

/** How a list of conversations is read, whatever `query` asks of each. */
export function pagesOf<TRow extends LiveRow>(
  query: TypedDocumentNode<Listed<TRow>, Variables>,
  filter: ConversationFilter,
) {
  return async (
    apollo: ApolloClient,
    after: string | null,
    first: number,
  ): Promise<LivePage<TRow>> => {
    const variables = { filter, first, after };
    const { data } = await apollo.query({ query, variables, fetchPolicy: "network-only" });
    if (!data) throw new Error("The gateway sent no list.");
    const { nodes, feedCursor, pageInfo } = data.conversations;
    return { nodes, feedCursor, next: nextPage(pageInfo) };
  };
}
