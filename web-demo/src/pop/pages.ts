import type { ContextKey } from "../gql/graphql";

const folders: Partial<Record<ContextKey, string>> = {
  CASE: "cases",
  TASK: "tasks",
  EXTERNALPARTY: "parties",
};

/** The page of one of DCM's objects; null for kinds that have none. */
export function pageOf(key: ContextKey, objectId: string): string | null {
  const folder = folders[key];
  return folder ? `/${folder}/${encodeURIComponent(objectId)}` : null;
}
