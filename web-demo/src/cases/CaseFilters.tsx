import { ToggleButton, ToggleButtonGroup } from "react-aria-components";
import { StatusFilter } from "../conversations/StatusFilter";
import { media as mediaWords } from "../conversations/words";
import { type Named, useAgents, useQueues } from "../directory/useDirectory";
import type { CaseConversationFragment, MediaType } from "../gql/graphql";
import type { CaseFilter } from "./caseRows";

interface Props {
  rows: readonly CaseConversationFragment[];
  filter: CaseFilter;
  onFilter: (part: Partial<CaseFilter>) => void;
}

const mediaChoices = Object.entries(mediaWords).map(([value, { label }]): Named => [value, label]);

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
        value={filter.media}
        options={mediaChoices}
        onChoose={(value) => onFilter({ media: value as MediaType | null })}
      />
      <Choice
        label="Queue"
        value={filter.queueId}
        options={queues}
        onChoose={(queueId) => onFilter({ queueId })}
      />
      <Choice
        label={filter.withEnded ? "Handled by" : "With agent"}
        value={filter.agentId}
        options={agents}
        onChoose={(agentId) => onFilter({ agentId })}
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

interface ChoiceProps {
  label: string;
  value: string | null;
  options: readonly Named[];
  onChoose: (value: string | null) => void;
}

function Choice({ label, value, options, onChoose }: ChoiceProps) {
  const known = value === null || options.some(([option]) => option === value);
  return (
    <label className="field">
      <span className="field-label">{label}</span>
      <select
        className="input"
        value={value ?? ""}
        onChange={({ target }) => onChoose(target.value || null)}
      >
        <option value="">All</option>
        {!known && value && <option value={value}>{value}</option>}
        {options.map(([option, words]) => (
          <option key={option} value={option}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}
