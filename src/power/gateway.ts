// The one way to a machine: each call waits for its turn, is timed, tried again where that can help, and counted; a BMC that fails is left
// alone. Knows no states and no tasks.

import type { Clock, Component, Log, Random } from '../lib/index.ts';
import type { Nodes } from '../nodes/index.ts';
import { type Asker, createAsker } from './asker.ts';
import { BREAKER_LIMITS, type BreakerLimits, createBreakers } from './breakers.ts';
import { fail } from './errors.ts';
import type { Gateway, StepRequest } from './gateway-seam.ts';
import { createLanes } from './lanes.ts';
import type { Registry, StepOutcome } from './seam.ts';
import { setPower } from './set-power.ts';
import { createWays, titleOf, unsupported, type Way, type Ways, washed } from './ways.ts';

export interface GatewayLimits {
  /** Calls under way at once, over all BMCs. */
  readonly workers: number;
  /** How long one answer may take. */
  readonly callTimeoutMs: number;
  /** How long a machine may take to reach a power state. */
  readonly powerTimeoutMs: number;
  readonly perKey?: number;
  readonly waiting?: number;
  readonly breaker?: BreakerLimits;
}

export interface GatewayOptions {
  readonly registry: Registry;
  readonly nodes: Pick<Nodes, 'openDriverInfo' | 'ports'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits: GatewayLimits;
}

/** A hundred calls that wait for one BMC are a mistake; as many machines as the task engine holds are not. */
const PER_KEY = 64;
const WAITING = 20_000;

export function createGateway(options: GatewayOptions): Gateway & Component {
  const { registry, clock, random, log, limits } = options;
  const lanes = createLanes({ workers: limits.workers, perKey: limits.perKey ?? PER_KEY, waiting: limits.waiting ?? WAITING });
  const breakers = createBreakers(clock, limits.breaker ?? BREAKER_LIMITS);
  const stopping = new AbortController();
  const { callTimeoutMs } = limits;
  const asker = createAsker({ clock, random, log, lanes, breakers, stopping: stopping.signal, callTimeoutMs });
  const ways = createWays(registry, options.nodes);
  const stepCounts = { steps: 0, step_failures: 0 };
  const ask: Gateway['ask'] = async (node, question, asking) =>
    asker.ask(await ways.to(node, question.which, question.step), question, asking);
  return {
    name: 'power',
    start: () => Promise.resolve(),
    stop: async () => {
      stopping.abort(fail('power.stopped', { message: 'the appliance is stopping', hint: 'Ask again when it is back.' }));
      await lanes.idle();
    },
    registry,
    refusal: (node, which) => ways.refusal(node, which),
    ask,
    powerState: (node, asking) => ask(node, READING, asking),
    setPower: switcher(ways, asker, options),
    runStep: stepper(ways, asker, stepCounts, { log, stopping: stopping.signal }),
    queues: () => {
      const lane = new Map(lanes.states().map((one) => [one.key, one]));
      return [...new Set([...lane.keys(), ...breakers.keys()])].map((key) => ({
        key,
        waiting: lane.get(key)?.waiting ?? 0,
        isBusy: lane.get(key)?.isBusy ?? false,
        breaker: breakers.stateOf(key),
      }));
    },
    counters: () => ({ ...asker.counts, ...stepCounts }),
  };
}

const READING = {
  which: 'power',
  what: 'reading the power state',
  kind: 'read',
  ask: ({ power }, target, call) => power?.state(target, call),
} as const satisfies Parameters<Gateway['ask']>[1];

function switcher(ways: Ways, asker: Asker, { clock, limits }: GatewayOptions): Gateway['setPower'] {
  return async (node, wanted, asking) => {
    const way = await ways.to(node, 'power');
    const { power } = way.driver;
    if (power === undefined) throw unsupported(way, 'switching the power');
    const longest = Math.max(limits.powerTimeoutMs, (power.settleSeconds ?? 0) * 1000);
    const telling = {
      which: 'power',
      what: `telling it "${wanted}"`,
      kind: 'write',
      timeoutMs: Math.max(limits.callTimeoutMs, longest),
    } as const;
    return setPower({
      title: titleOf(node),
      power,
      wanted,
      asking,
      clock,
      timeoutMs: asking.timeoutMs ?? longest,
      read: () => asker.ask(way, { ...READING, isUrgent: true }, asking),
      tell: () => asker.ask(way, { ...telling, ask: (_driver, target, call) => power.set(target, wanted, call) }, asking),
    });
  };
}

interface StepParts {
  readonly log: Log;
  readonly stopping: AbortSignal;
}

function stepper(ways: Ways, asker: Asker, counts: { steps: number; step_failures: number }, parts: StepParts): Gateway['runStep'] {
  return async (node, request) => {
    const way = await ways.to(node, request.which, request.step);
    counts.steps += 1;
    const what = titleOfStep(request);
    if (request.step.isQueued === true) {
      return asker.ask(
        way,
        { which: request.which, what, kind: 'write', ask: (_driver, _target, call) => perform(way, request, call) },
        request,
      );
    }
    try {
      const signal = AbortSignal.any([request.signal, parts.stopping]);
      const outcome = perform(way, request, { signal, log: request.log ?? parts.log });
      if (outcome === undefined) throw unsupported(way, what);
      return await outcome;
    } catch (thrown) {
      if (request.signal.aborted) throw request.signal.reason;
      counts.step_failures += 1;
      throw washed(thrown, what, way, parts.log);
    }
  };
}

function perform(
  { driver, target, scrub }: Way,
  request: StepRequest,
  call: { readonly signal: AbortSignal; readonly log: Log },
): Promise<StepOutcome> | undefined {
  const { step, args, key, isResumed, word } = request;
  const touches = request.touches?.bind(request);
  const run = {
    ...call,
    args,
    key,
    isResumed,
    progress: (part: number, text: string): void => request.progress(part, scrub(text)),
    ...(touches === undefined ? {} : { touches }),
  };
  return word === undefined ? driver.runStep?.(step, target, run) : driver.continueStep?.(step, target, { ...run, word });
}

function titleOfStep({ which, step }: StepRequest): string {
  return `the ${step.kind} step ${which}.${step.step}`;
}
