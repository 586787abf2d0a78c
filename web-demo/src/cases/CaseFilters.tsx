import { ToggleButton, ToggleButtonGroup } from "react-aria-components";
import { StatusFilter } from "../conversations/StatusFilter";
import { media, mediaTypes } from "../conversations/words";
import { useAgents, useQueues } from "../directory/useDirectory";
import { Choice } from "../forms/Choice";
import type { CaseConversationFragment } from "../gql/graphql";
import type { CaseFilter } from "./caseRows";

interface Props {
  rows: readonly CaseConversationFragment[];
  filter: CaseFilter;
  onFilter: (part: Partial<CaseFilter>) => void;
}

const all = ["", "All"] as const;
const mediaChoices = mediaTypes.map((each) => [each, media[each].label] as const);

export function CaseFilters({ rows, filter, onFilter }: Props) {
  const [queues, agents] = [useQueues(), useAgents()];
  return (
    <search className="filters">
      <label className="field field-search">
        <span className="field-label">Search</span>
        <input
          className="input"
          type="search"
          value={filter.text}
          placeholder="Case number or subject"
          onChange={({ target }) => onFilter({ text: target.value })}
        />
      </label>
      <Choice
        label="Medium"
        value={filter.media ?? ""}
        options={[all, ...mediaChoices]}
        onChoose={(media) => onFilter({ media: media || null })}
      />
      <Choice
        label="Queue"
        value={filter.queueId ?? ""}
        options={[all, ...queues]}
        onChoose={(queueId) => onFilter({ queueId: queueId || null })}
      />
      <Choice
        label={filter.withEnded ? "Handled by" : "With agent"}
        value={filter.agentId ?? ""}
        options={[all, ...agents]}
        onChoose={(agentId) => onFilter({ agentId: agentId || null })}
      />
      <StatusFilter
        rows={rows}
        chosen={filter.statuses}
        onChoose={(statuses) => onFilter({ statuses })}
      />
    </search>
  );
}

/** Ended conversations pile up: they are shown to those who ask for them. */
export function EndedSwitch({ filter, onFilter }: Omit<Props, "rows">) {
  return (
    <ToggleButtonGroup
      className="segments"
      aria-label="Which cases"
      selectionMode="single"
      disallowEmptySelection
      selectedKeys={[filter.withEnded ? "all" : "open"]}
      onSelectionChange={(keys) => onFilter({ withEnded: keys.has("all") })}
    >
      <ToggleButton id="open" className="segment">
        Open
      </ToggleButton>
      <ToggleButton id="all" className="segment">
        All
      </ToggleButton>
    </ToggleButtonGroup>
  );
}
