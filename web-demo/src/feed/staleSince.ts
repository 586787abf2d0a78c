/**
 * Since when the gateway's picture may lack something, in ms since the epoch; null while it does not.
 * The gateway says so in every state but LIVE.
 */
export function staleSinceOf(status: { staleSince?: string | null }): number | null {
  return status.staleSince ? Date.parse(status.staleSince) : null;
}
