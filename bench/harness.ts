// Runs one bench: ours and its peers in turns on the same machine, medians of several rounds, and one line of JSON at the end.
// Knows nothing of what is measured: a case is a function that returns one figure.

import { readFile } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';

/** Measures once and returns the figure in the bench's unit. */
export type Measure = () => Promise<number>;

export interface Bench {
  readonly name: string;
  readonly unit: string;
  /** True when a larger figure is better (throughput), false for time, memory and CPU. */
  readonly larger: boolean;
  readonly rounds?: number;
  setup?(): Promise<void>;
  teardown?(): Promise<void>;
  readonly ours: Readonly<Record<string, Measure>>;
  /** Peer → case → measure. A peer may have only some of our cases. */
  readonly peers: Readonly<Record<string, Readonly<Record<string, Measure>>>>;
  /** Judges the medians of ours: figures that were promised, reported and never asserted. */
  readonly promises?: readonly { readonly case: string; readonly limit: number }[];
  /** What a reader must know to read the figures honestly. */
  readonly note?: string;
}

export interface Report {
  readonly name: string;
  readonly unit: string;
  readonly ours: Record<string, number>;
  readonly peers: Record<string, Record<string, number>>;
  readonly ratio: Record<string, number>;
}

/** How busy the machine was with other things, from one point in time to another. */
export interface Noise {
  readonly load: number;
  readonly cores: number;
  /** Share of CPU time that the hypervisor gave to somebody else, 0..1. */
  readonly steal: number;
}

interface Lane {
  readonly who: string;
  readonly caseName: string;
  readonly measure: Measure;
  readonly figures: number[];
}

const OURS = 'ours';
const DEFAULT_ROUNDS = 5;
/** Beyond these a median of a few rounds says little; found by watching quiet and busy runs of the same bench. */
const NOISY = { spread: 0.25, steal: 0.02, loadPerCore: 0.75 };

export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  const lower = sorted[sorted.length % 2 === 0 ? middle - 1 : middle];
  if (upper === undefined || lower === undefined) throw new RangeError('the median of no figures');
  return (lower + upper) / 2;
}

/** Distance between the worst and the best round as a share of the median. */
export function spread(figures: readonly number[]): number {
  const centre = median(figures);
  return centre === 0 ? 0 : (Math.max(...figures) - Math.min(...figures)) / centre;
}

/** Larger is always better for us, whatever the unit. */
export function ratioOf(ours: number, peer: number, larger: boolean): number {
  return larger ? ours / peer : peer / ours;
}

/** Runs every lane once per round, in the opposite order every other round, so that drift and warm-up hit all alike. */
export async function runBench(bench: Bench, print: (line: string) => void, signal?: AbortSignal): Promise<Report> {
  const lanes = lanesOf(bench);
  const rounds = bench.rounds ?? DEFAULT_ROUNDS;
  const cpuBefore = await readCpu();
  const loadBefore = loadavg()[0] ?? 0;
  try {
    await bench.setup?.();
    for (let round = 0; round < rounds; round++) {
      for (const lane of round % 2 === 0 ? lanes : lanes.toReversed()) {
        signal?.throwIfAborted();
        lane.figures.push(await lane.measure());
      }
      print(
        `round ${round + 1}/${rounds}: ${lanes.map((lane) => `${lane.who} ${lane.caseName} ${tidy(lane.figures.at(-1) ?? 0)}`).join(', ')}`,
      );
    }
  } finally {
    await bench.teardown?.();
  }
  const noise = { load: loadBefore, cores: availableParallelism(), steal: stealBetween(cpuBefore, await readCpu()) };
  const report = reportOf(bench, lanes);
  for (const line of describe(bench, lanes, noise)) print(line);
  print(JSON.stringify(report));
  return report;
}

/** Says why the figures should be read with care; empty when the machine was quiet. */
export function noiseNotes(noise: Noise, widest: { readonly lane: string; readonly spread: number }): string[] {
  const notes: string[] = [];
  if (noise.load / noise.cores > NOISY.loadPerCore)
    notes.push(`load ${noise.load.toFixed(2)} on ${noise.cores} cores before the first round`);
  if (noise.steal > NOISY.steal) notes.push(`${(noise.steal * 100).toFixed(1)} % of the CPU time stolen by the hypervisor`);
  if (widest.spread > NOISY.spread)
    notes.push(`rounds of ${widest.lane} spread over ${(widest.spread * 100).toFixed(0)} % of their median`);
  return notes;
}

function lanesOf(bench: Bench): Lane[] {
  const peers = Object.entries(bench.peers).map(([who, cases]) => ({ who, cases }));
  return [{ who: OURS, cases: bench.ours }, ...peers].flatMap(({ who, cases }) =>
    Object.entries(cases).map(([caseName, measure]) => ({ who, caseName, measure, figures: [] })),
  );
}

function reportOf(bench: Bench, lanes: readonly Lane[]): Report {
  const report: Report = { name: bench.name, unit: bench.unit, ours: {}, peers: {}, ratio: {} };
  for (const lane of lanes) {
    const figure = tidy(median(lane.figures));
    if (lane.who === OURS) report.ours[lane.caseName] = figure;
    else report.peers[lane.who] = { ...report.peers[lane.who], [lane.caseName]: figure };
  }
  for (const lane of lanes) {
    const ours = lanes.find((other) => other.who === OURS && other.caseName === lane.caseName);
    if (lane.who === OURS || ours === undefined) continue;
    report.ratio[`${lane.caseName}/${lane.who}`] = tidy(ratioOf(median(ours.figures), median(lane.figures), bench.larger));
  }
  return report;
}

function describe(bench: Bench, lanes: readonly Lane[], noise: Noise): string[] {
  const lines = [`${bench.name}, ${bench.unit}, ${bench.larger ? 'larger' : 'smaller'} is better; median (lowest to highest, spread):`];
  for (const { who, caseName, figures } of lanes) {
    const range = `${tidy(Math.min(...figures))} to ${tidy(Math.max(...figures))}, ${(spread(figures) * 100).toFixed(0)} %`;
    lines.push(`  ${who.padEnd(24)} ${caseName.padEnd(24)} ${String(tidy(median(figures))).padStart(10)} (${range})`);
  }
  for (const promise of bench.promises ?? []) lines.push(judge(bench, lanes, promise));
  const widest = lanes
    .map((lane) => ({ lane: `${lane.who} ${lane.caseName}`, spread: spread(lane.figures) }))
    .reduce((a, b) => (b.spread > a.spread ? b : a), { lane: 'nothing', spread: 0 });
  const notes = noiseNotes(noise, widest);
  lines.push(notes.length === 0 ? 'The machine was quiet.' : `The machine was noisy: ${notes.join('; ')}. Read the figures as bounds.`);
  if (bench.note !== undefined) lines.push(`Note: ${bench.note}`);
  return lines;
}

function judge(bench: Bench, lanes: readonly Lane[], promise: { readonly case: string; readonly limit: number }): string {
  const lane = lanes.find((other) => other.who === OURS && other.caseName === promise.case);
  if (lane === undefined) return `  promised for ${promise.case}: no such case was measured`;
  const figure = median(lane.figures);
  const kept = bench.larger ? figure >= promise.limit : figure <= promise.limit;
  return `  promised for ${promise.case}: ${bench.larger ? 'at least' : 'at most'} ${promise.limit}; ${kept ? 'kept' : 'NOT KEPT'} with ${tidy(figure)}`;
}

/** Four significant digits: more would pretend a precision that a few rounds do not have. */
function tidy(figure: number): number {
  return Number(figure.toPrecision(4));
}

interface CpuTimes {
  readonly total: number;
  readonly stolen: number;
}

/** First line of proc(5) stat: user nice system idle iowait irq softirq steal … */
async function readCpu(): Promise<CpuTimes> {
  const STEAL_COLUMN = 7;
  const line = (await readFile('/proc/stat', 'utf8')).split('\n', 1)[0] ?? '';
  const columns = line
    .trim()
    .split(/\s+/)
    .slice(1, STEAL_COLUMN + 2)
    .map(Number);
  return { total: columns.reduce((sum, column) => sum + column, 0), stolen: columns[STEAL_COLUMN] ?? 0 };
}

function stealBetween(before: CpuTimes, after: CpuTimes): number {
  const total = after.total - before.total;
  return total <= 0 ? 0 : (after.stolen - before.stolen) / total;
}
