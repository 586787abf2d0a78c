import { useMemo } from "react";
import { useSearchParams } from "wouter";
import { StatusFilter } from "../conversations/StatusFilter";
import { useLiveList } from "../conversations/useLiveList";
import { media as mediaWords } from "../conversations/words";
import type { CaseConversationFragment, MediaType } from "../gql/graphql";
import { type Status, statuses } from "../status/statuses";
import { CaseTable } from "./CaseTable";
import { type CaseFilter, casesOf, matches } from "./caseRows";
import { casesConversations } from "./operations";

const isStatus = (word: string): word is Status => word in statuses;

export function CasesPage() {
  const { rows, loading, error } = useLiveList(casesConversations, 100);
  const [filter, setFilter] = useCaseFilter();
  const cases = useMemo(() => casesOf(rows), [rows]);
  const shown = useMemo(() => cases.filter((each) => matches(each, filter)), [cases, filter]);
  const filtered = shown.length < cases.length;

  return (
    <div className="page">
      <div className="page-head">
        <h1>Cases</h1>
        <p className="page-count" data-testid="count">
          {loading ? "…" : filtered ? `${shown.length} of ${cases.length}` : cases.length}
        </p>
      </div>
      <Filters rows={rows} filter={filter} onFilter={setFilter} />
      {error && (
        <p className="notice notice-bad" role="alert">
          The list could not be read: {error}
        </p>
      )}
      <CaseTable rows={shown} loading={loading} filtered={cases.length > 0} />
    </div>
  );
}

/** The filter is the address: it can be sent to a colleague, and the way back leads to it. */
function useCaseFilter(): [CaseFilter, (part: Partial<CaseFilter>) => void] {
  const [search, setSearch] = useSearchParams();
  const words = search.toString();
  const filter = useMemo((): CaseFilter => {
    const asked = new URLSearchParams(words);
    const medium = asked.get("media");
    return {
      statuses: new Set((asked.get("status") ?? "").split(",").filter(isStatus)),
      media: medium && medium in mediaWords ? (medium as MediaType) : null,
      queueId: asked.get("queue"),
      agentId: asked.get("agent"),
      text: asked.get("q") ?? "",
    };
  }, [words]);
  const setFilter = (part: Partial<CaseFilter>) => {
    const next = { ...filter, ...part };
    const wanted = {
      q: next.text,
      status: [...next.statuses].join(","),
      media: next.media ?? "",
      queue: next.queueId ?? "",
      agent: next.agentId ?? "",
    };
    setSearch(
      Object.entries(wanted).filter(([, value]) => value !== ""),
      { replace: true },
    );
  };
  return [filter, setFilter];
}

interface FiltersProps {
  rows: readonly CaseConversationFragment[];
  filter: CaseFilter;
  onFilter: (part: Partial<CaseFilter>) => void;
}

function Filters({ rows, filter, onFilter }: FiltersProps) {
  const { queues, agents } = useMemo(() => choices(rows), [rows]);
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
        all="All"
        value={filter.media}
        options={Object.entries(mediaWords).map(([value, { label }]) => [value, label])}
        onChoose={(value) => onFilter({ media: value as MediaType | null })}
      />
      <Choice
        label="Queue"
        all="All"
        value={filter.queueId}
        options={queues}
        onChoose={(queueId) => onFilter({ queueId })}
      />
      <Choice
        label="Agent"
        all="All"
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

interface ChoiceProps {
  label: string;
  all: string;
  value: string | null;
  options: [value: string, label: string][];
  onChoose: (value: string | null) => void;
}

function Choice({ label, all, value, options, onChoose }: ChoiceProps) {
  const known = value === null || options.some(([option]) => option === value);
  return (
    <label className="field">
      <span className="field-label">{label}</span>
      <select
        className="input"
        value={value ?? ""}
        onChange={({ target }) => onChoose(target.value || null)}
      >
        <option value="">{all}</option>
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

/** The queues and agents that occur, by name. */
function choices(rows: readonly CaseConversationFragment[]) {
  const queues = new Map<string, string>();
  const agents = new Map<string, string>();
  for (const { lastQueueId, lastQueueName, owner } of rows) {
    if (lastQueueId) queues.set(lastQueueId, lastQueueName ?? lastQueueId);
    if (owner?.kind === "USER") agents.set(owner.genesysId, owner.name ?? owner.genesysId);
  }
  const byName = (names: Map<string, string>) =>
    [...names].sort(([, a], [, b]) => a.localeCompare(b));
  return { queues: byName(queues), agents: byName(agents) };
}
