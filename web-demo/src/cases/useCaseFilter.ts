import { useMemo } from "react";
import { useSearchParams } from "wouter";
import { media as mediaWords } from "../conversations/words";
import type { MediaType } from "../gql/graphql";
import { isStatus } from "../status/statuses";
import type { CaseFilter } from "./caseRows";

/** The filter is the address: it can be sent to a colleague, and the way back leads to it. */
export function useCaseFilter(): [CaseFilter, (part: Partial<CaseFilter>) => void] {
  const [search, setSearch] = useSearchParams();
  const words = search.toString();
  const filter = useMemo(() => filterOf(words), [words]);
  const change = (part: Partial<CaseFilter>) =>
    setSearch(addressOf({ ...filter, ...part }), { replace: true });
  return [filter, change];
}

export function filterOf(address: string): CaseFilter {
  const asked = new URLSearchParams(address);
  const medium = asked.get("media");
  const statuses = (asked.get("status") ?? "").split(",").filter(isStatus);
  return {
    withEnded: asked.get("show") === "all" || statuses.includes("ENDED"),
    statuses: new Set(statuses),
    media: medium && medium in mediaWords ? (medium as MediaType) : null,
    queueId: asked.get("queue"),
    agentId: asked.get("agent"),
    text: asked.get("q") ?? "",
  };
}

export function addressOf(filter: CaseFilter): [name: string, value: string][] {
  const { withEnded, statuses, media, queueId, agentId, text } = filter;
  const shown = [...statuses].filter((status) => withEnded || status !== "ENDED");
  const all: [string, string][] = [
    ["q", text],
    ["show", withEnded ? "all" : ""],
    ["status", shown.join(",")],
    ["media", media ?? ""],
    ["queue", queueId ?? ""],
    ["agent", agentId ?? ""],
  ];
  return all.filter(([, value]) => value !== "");
}
