import { useMemo } from "react";
import { ReadError } from "../conversations/ReadError";
import { useLiveList } from "../conversations/useLiveList";
import { usePageTitle } from "../shell/usePageTitle";
import { CaseFilters, EndedSwitch } from "./CaseFilters";
import { CaseTable } from "./CaseTable";
import { casesOf, matches } from "./caseRows";
import { inCases } from "./operations";
import { useCaseFilter } from "./useCaseFilter";

export function CasesPage() {
  usePageTitle("Cases");
  const [filter, setFilter] = useCaseFilter();
  const { withEnded, agentId } = filter;
  const source = useMemo(() => inCases(withEnded, agentId), [withEnded, agentId]);
  const { rows, loading, error } = useLiveList(source);
  const cases = useMemo(() => casesOf(rows), [rows]);
  const shown = useMemo(() => cases.filter((each) => matches(each, filter)), [cases, filter]);
  const filtered = agentId !== null || cases.length > 0;

  return (
    <div className="page">
      <div className="page-head">
        <h1>Cases</h1>
        <p className="page-count" data-testid="count">
          {loading ? "…" : countWords(shown.length, cases.length)}
        </p>
        <EndedSwitch filter={filter} onFilter={setFilter} />
      </div>
      <CaseFilters rows={rows} filter={filter} onFilter={setFilter} />
      <ReadError what="list" error={error} />
      <CaseTable rows={shown} empty={emptyWords(loading, filtered, withEnded)} />
    </div>
  );
}

const countWords = (shown: number, all: number) => (shown < all ? `${shown} of ${all}` : all);

function emptyWords(loading: boolean, filtered: boolean, withEnded: boolean): string {
  if (loading) return "Reading the cases…";
  if (filtered) return "No case matches the filter now.";
  return withEnded
    ? "No case has a conversation yet. The next one appears here by itself."
    : "No case has an open conversation. The next one appears here by itself.";
}
