// The stages of `npm test` as data, and what their results add up to. Pure: runs nothing, reads nothing.

export const STAGES = ['lint', 'types', 'unit', 'integration', 'e2e'] as const;
export type Stage = (typeof STAGES)[number];

/** Stages that run tests; the others pass or fail as a whole. */
export const LAYERS = ['unit', 'integration', 'e2e'] as const satisfies readonly Stage[];
export type Layer = (typeof LAYERS)[number];

/** Lint, types and unit tests are what one runs after every edit. Reported, not enforced: a busy machine is no fault of the code. */
export const QUICK_STAGES: readonly Stage[] = ['lint', 'types', 'unit'];
export const QUICK_LIMIT_MS = 60_000;

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface StageResult {
  readonly stage: Stage;
  readonly ms: number;
  readonly exitCode: number;
  /** Absent for a stage without tests, and for a layer that ended before it could report. */
  readonly counts?: Counts;
}

export interface Verdict {
  readonly lines: readonly string[];
  readonly exitCode: number;
}

/** Words that name stages choose them; from the first other word on, everything is passed to vitest. */
export function parseWords(words: readonly string[]): { stages: readonly Stage[]; rest: readonly string[] } {
  const firstOther = words.findIndex((word) => !isStage(word));
  const chosen = firstOther < 0 ? words : words.slice(0, firstOther);
  return {
    stages: chosen.length === 0 ? STAGES : STAGES.filter((stage) => chosen.includes(stage)),
    rest: firstOther < 0 ? [] : words.slice(firstOther),
  };
}

export function isLayer(stage: Stage): stage is Layer {
  return (LAYERS as readonly Stage[]).includes(stage); // widened only to ask whether it is one of them
}

function isStage(word: string): word is Stage {
  return (STAGES as readonly string[]).includes(word); // widened only to ask whether it is one of them
}

/** Reads vitest's JSON report. Tests that were skipped, left to do, or not reached for another reason all count as skipped. */
export function countsOf(report: unknown): Counts | undefined {
  if (typeof report !== 'object' || report === null) return undefined;
  const { numTotalTests: total, numPassedTests: passed, numFailedTests: failed } = report as Record<string, unknown>; // fields checked next
  if (typeof total !== 'number' || typeof passed !== 'number' || typeof failed !== 'number') return undefined;
  return { passed, failed, skipped: total - passed - failed };
}

/** What went wrong in one stage, in words; undefined when nothing did. */
export function complaintOf(result: StageResult, isCi: boolean): string | undefined {
  const { stage, exitCode, counts } = result;
  if (!isLayer(stage)) return exitCode === 0 ? undefined : `${stage} failed`;
  if (counts === undefined) return `${stage} ended with code ${exitCode} and no report`;
  if (counts.failed > 0) return `${counts.failed} of ${stage} failed`;
  if (exitCode !== 0) return `${stage} ended with code ${exitCode} outside of any test`;
  if (isCi && counts.skipped > 0) return `${counts.skipped} of ${stage} skipped, and in CI nothing may be`;
  if (isCi && counts.passed === 0) return `${stage} executed no test`;
  return undefined;
}

/** The summary; its last line counts tests over all layers, and a stage that failed without a failed test counts as one. */
export function summarise(results: readonly StageResult[], isCi: boolean): Verdict {
  const complaints = results.map((result) => ({ result, complaint: complaintOf(result, isCi) }));
  const lines = complaints.map(({ result, complaint }) => {
    const verdict = complaint === undefined ? 'ok' : 'FAILED';
    return `${result.stage.padEnd(12)} ${verdict.padEnd(7)} ${seconds(result.ms).padStart(8)}${result.counts === undefined ? '' : `  ${countLine(result.counts)}`}`;
  });
  const quick = results.filter((result) => QUICK_STAGES.includes(result.stage));
  if (quick.length === QUICK_STAGES.length) {
    const ms = quick.reduce((sum, result) => sum + result.ms, 0);
    lines.push(
      `lint + types + unit took ${seconds(ms)}; ${ms <= QUICK_LIMIT_MS ? 'within' : 'OVER'} the ${QUICK_LIMIT_MS / 1000} s meant for them`,
    );
  }
  for (const { complaint } of complaints) if (complaint !== undefined) lines.push(`! ${complaint}`);
  const failedOtherwise = complaints.filter(
    ({ result, complaint }) => complaint !== undefined && (result.counts?.failed ?? 0) === 0,
  ).length;
  const sum = results.reduce((all, { counts }) => addCounts(all, counts), { passed: 0, failed: failedOtherwise, skipped: 0 });
  lines.push(countLine(sum));
  return { lines, exitCode: sum.failed > 0 ? 1 : 0 };
}

function addCounts(a: Counts, b: Counts | undefined): Counts {
  return b === undefined ? a : { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

function countLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
