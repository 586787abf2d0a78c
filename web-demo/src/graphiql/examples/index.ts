import { live } from "./live";
import { reads } from "./reads";
import { writes } from "./writes";

export interface Example {
  name: string;
  query: string;
  variables?: string;
}

/** One tab each. The operation's name becomes the tab's title. */
export const examples: Example[] = [...reads, ...live, ...writes];
