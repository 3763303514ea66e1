// Serves answers to installers. The secret says whose it is, the machine has to be the one, and each installation is answered once; whoever is
// refused is told nothing, and people everything. Installers never ask twice: they wait for a minute, and whoever gets no answer then stands
// in a shell, so a late one is better than none.

import { createHash } from 'node:crypto';
import { type Clock, isoTime, type Log, messageOf, type Secret } from '../../lib/index.ts';
import { type Nodes, nodeTitle } from '../../nodes/index.ts';
import type { EventInput, Reasons, Tx } from '../../store/index.ts';
import type { InstallPlan } from '../seam.ts';
import { type AnswerAsk, digestOfAsk, readAsk } from './ask-codec.ts';
import type { Change, InstallBook } from './book.ts';
import { fail } from './errors.ts';
import { createKeptAnswers } from './kept-answers.ts';
import { isForGood, patiently } from './patience.ts';
import type { InstallationRecord } from './record.ts';
import type { InstallSecrets } from './secrets.ts';
import { durationText, eventOfStage, waitsForAnswer } from './stages-decide.ts';
import { DEPLOYED, strangerReason, type Timeliness, timeliness } from './who-decide.ts';

export interface AnswerRequest {
  /** From the path or from the token; null: there was none. */
  readonly secret: string | null;
  /** The name before the secret in the token: it has to be this installation's. */
  readonly installation: string | null;
  readonly body: unknown;
  readonly from: string;
  /** The appliance as the machine reaches it. */
  readonly base: string;
}

/** What an answer is rendered of; the text is TOML. Throws when it can't be. */
export interface AnswerWanted {
  readonly uuid: string;
  readonly nodeUuid: string;
  readonly plan: InstallPlan;
  readonly secrets: Pick<InstallSecrets, 'hook' | 'firstBoot'>;
  readonly base: string;
}
export type RenderAnswer = (wanted: AnswerWanted) => Promise<string>;

export interface Answers {
  /** The text of the answer. Throws what the installer is told. */
  answer(request: AnswerRequest): Promise<string>;
  /** Its installer is being loaded, and will ask at this address of ours: the answer is made now. Where it can't be, the request will tell. */
  expect(uuid: string, base: string): Promise<void>;
}

export interface AnswersOptions {
  readonly book: InstallBook;
  readonly nodes: Pick<Nodes, 'get' | 'findByAddresses'>;
  readonly reasons: Pick<Reasons, 'note'>;
  readonly render: RenderAnswer;
  /** What of firmware's names tells machines apart: the same rules by which the node's own were taken. */
  readonly cleanUuid: (text: string | null) => string | null;
  readonly cleanSerial: (text: string | null) => string | null;
  /** May a failure from this address be written down? */
  readonly mayNote: (address: string) => boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly renderMs?: number;
  /** In the transaction in which the installer gets its answer: from here on what is on its disks is what it puts there. */
  readonly served?: (tx: Tx, installation: InstallationRecord) => Promise<void>;
}

/** The installer gives up after sixty seconds; what is over by then is of use to nobody. */
const RENDER_MS = 30_000;
/** As many as Nodes.findByAddresses takes at once. */
const MACS_AT_ONCE = 64;
/** Of a stranger's request; the others are the same machine. */
const MACS_NOTED = 2;
/** More refusals, or failures, of one installation are counted only. */
const REFUSALS_TOLD = 5;

export function createAnswers(options: AnswersOptions): Answers {
  const { clock, book, log } = options;
  const kept = createKeptAnswers();
  const makeOf =
    ({ uuid, nodeUuid, plan }: InstallationRecord, base: string) =>
    async (): Promise<string> =>
      options.render({ uuid, nodeUuid, plan, base, secrets: await book.secrets(uuid) });

  async function once(request: AnswerRequest, isLast: boolean): Promise<string> {
    const installation = await known(options, request);
    const read = readAsk(request.body);
    if ('fault' in read) throw await refuse(options, installation, request, read.fault, 'install.bad_request');
    const stranger = await whyStranger(options, installation, read.ask);
    if (stranger !== null) throw await refuse(options, installation, request, stranger);
    const digest = digestOfAsk(request.body);
    const early = timeliness({ row: installation, request: digest, from: request.from, now: clock.now() });
    if (early.is === 'refused') {
      if (installation.endedAt !== null) kept.forget(installation.uuid);
      throw await refuse(options, installation, request, early.reason);
    }
    const making = kept.of(installation.uuid, request.base, makeOf(installation, request.base));
    const made = await rendered(options, installation, making, isLast).catch((thrown: unknown) => {
      kept.forget(installation.uuid); // one that takes too long is no use to the next request either
      throw thrown;
    });
    const text = made.reveal();
    const served = await serve(options, installation.uuid, { text, digest, from: request.from });
    if (served.is === 'refused') throw await refuse(options, installation, request, served.reason);
    const decision = served.is === 'first' ? 'answered' : 'answered again';
    note(options, installation.nodeUuid, decision, `its installer asked from ${request.from}`);
    return text;
  }

  return {
    async expect(uuid, base) {
      try {
        const row = await book.get(uuid);
        if (waitsForAnswer(row.stage)) await kept.of(uuid, base.replace(/\/$/, ''), makeOf(row, base.replace(/\/$/, '')));
      } catch (thrown) {
        log.warn({ installation: uuid, error: messageOf(thrown) }, 'an answer could not be made ahead: it is made when its installer asks');
      }
    },
    answer: (request) => patiently({ clock, log, from: request.from }, (isLast) => once(request, isLast)),
  };
}

async function known(options: AnswersOptions, { secret, installation, body, from }: AnswerRequest): Promise<InstallationRecord> {
  const found = secret === null ? undefined : await options.book.bySecret('answer', secret);
  if (found !== undefined && (installation === null || installation === found.uuid)) return found;
  const why = secret === null ? 'it gave no secret' : 'its secret is that of no installation';
  if (options.mayNote(from)) {
    const read = readAsk(body);
    for (const mac of 'ask' in read ? read.ask.macs.slice(0, MACS_NOTED) : [])
      options.reasons.note({
        subject: `mac:${mac}`,
        area: 'install',
        decision: 'no answer',
        reason: `an installer asked from ${from}: ${why}`,
      });
    options.log.info({ peer: from }, `an installer asked for an answer and got none: ${why}`);
  }
  throw fail(secret === null || installation !== null ? 'install.no_secret' : 'install.unknown', {
    message: 'nothing is known here by that',
  });
}

async function whyStranger(
  { nodes, cleanUuid, cleanSerial }: AnswersOptions,
  { nodeUuid }: InstallationRecord,
  ask: AnswerAsk,
): Promise<string | null> {
  const node = await nodes.get(nodeUuid);
  const owners = new Set<string>();
  for (let at = 0; at < ask.macs.length; at += MACS_AT_ONCE)
    for (const found of await nodes.findByAddresses(ask.macs.slice(at, at + MACS_AT_ONCE))) owners.add(found.node.uuid);
  const own = { ...node, smbiosUuid: cleanUuid(node.smbiosUuid), smbiosSerial: cleanSerial(node.smbiosSerial) };
  return strangerReason({ ask, owners: [...owners], node: own, smbiosUuid: cleanUuid(ask.smbiosUuid), serial: cleanSerial(ask.serial) });
}

/** While the installer still waits, or not at all. */
async function rendered(
  options: AnswersOptions,
  installation: InstallationRecord,
  making: Promise<Secret>,
  isLast: boolean,
): Promise<Secret> {
  const { clock, renderMs = RENDER_MS } = options;
  const done = new AbortController();
  const tooLate = clock.sleep(renderMs, done.signal).then(
    () => 'late' as const,
    () => 'late' as const, // nobody waits for it any more
  );
  try {
    const made = await Promise.race([making, tooLate]);
    if (made !== 'late') return made;
  } catch (thrown) {
    if (!isLast && !isForGood(thrown)) throw thrown;
    throw await unmade(options, installation, messageOf(thrown));
  } finally {
    done.abort();
  }
  throw await unmade(options, installation, `it took longer than ${durationText(renderMs)}`);
}

async function unmade(options: AnswersOptions, { uuid, nodeUuid }: InstallationRecord, why: string): Promise<Error> {
  const message = `its answer could not be made when its installer asked for it: ${why}`;
  note(options, nodeUuid, 'no answer', message);
  options.log.error({ node: nodeUuid, error: why }, 'an answer could not be made');
  await options.book.change(uuid, async (_, row) => ({
    result: undefined,
    set: { answer_asks: row.answerAsks + 1 },
    events: row.answerAsks < REFUSALS_TOLD ? [{ type: 'install.answer_failed', severity: 'error', message }] : [],
  }));
  return fail('install.answer_late', { message: 'the answer could not be made' });
}

interface Served {
  readonly text: string;
  readonly digest: string;
  readonly from: string;
}

/** Decided anew on the record as it is now: of requests at the same time one is the first. */
function serve({ book, clock, nodes, served }: AnswersOptions, uuid: string, { text, digest, from }: Served): Promise<Timeliness> {
  const answer = createHash('sha256').update(text).digest('hex');
  return book.change<Timeliness>(uuid, async (tx, row) => {
    const now = clock.now();
    const asks = { answer_asks: row.answerAsks + 1 };
    const is = timeliness({ row, request: digest, from, now });
    if (is.is === 'refused') return { result: is };
    // Somebody may have aborted it while the answer was made: from here on disks are erased.
    const node = await nodes.get(row.nodeUuid, tx);
    if (!DEPLOYED.includes(node.provisionState))
      return { result: { is: 'refused', reason: `the node is ${node.provisionState} by now, not being deployed` } };
    if (is.is === 'repeat') {
      if (row.answerSent?.answer === answer) return { result: is, set: asks };
      return { result: { is: 'refused', reason: 'it had its answer, and what it would get now is another one' } };
    }
    const title = nodeTitle(node);
    const event: EventInput = {
      type: eventOfStage('answered'),
      message: `${title}: its installer got its answer and erases the chosen disks now`,
      data: { from, sha256: answer },
    };
    await served?.(tx, row);
    const set = {
      ...asks,
      stage: 'answered',
      stage_at: now,
      answered_at: now,
      answer_to: from,
      answer_sent: JSON.stringify({ answer, request: digest }),
    };
    return { result: is, set, events: [event], wake: 'look' } satisfies Change<Timeliness>;
  });
}

/** The machine learns that it is refused, people why; of one that asks and asks they hear a few times. */
async function refuse(
  options: AnswersOptions,
  { uuid, nodeUuid }: InstallationRecord,
  { from }: AnswerRequest,
  reason: string,
  code: 'install.answer_refused' | 'install.bad_request' = 'install.answer_refused',
): Promise<Error> {
  const message = `an installer asked for its answer from ${from} and was refused: ${reason}`;
  if (options.mayNote(from)) {
    note(options, nodeUuid, 'no answer', message);
    await options.book.change(uuid, async (_, row) => {
      const isTold = row.answerAsks < REFUSALS_TOLD + (row.answeredAt === null ? 0 : 1);
      const event: EventInput = {
        type: 'install.answer_refused',
        severity: 'warning',
        message,
        data: { from, at: isoTime(options.clock.now()) },
      };
      return { result: undefined, set: { answer_asks: row.answerAsks + 1 }, events: isTold ? [event] : [] };
    });
  }
  return fail(code, { message: 'there is no answer for this request' });
}

function note({ reasons }: AnswersOptions, nodeUuid: string, decision: string, reason: string): void {
  reasons.note({ subject: `node:${nodeUuid}`, area: 'install', decision, reason });
}
