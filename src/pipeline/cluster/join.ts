// Carries a machine into its cluster: looks, does the one thing that is next, looks again. So it goes on wherever it was cut off.

import { messageOf } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import type { StepContext } from '../seam.ts';
import { type Attempt, closeAttempt, openAttempt } from './attempt.ts';
import { corosyncOf, quorumOf } from './corosync-conf.ts';
import { beginJob, forgetJob } from './job.ts';
import { decideJoin, type JoinDecision, type JoinFacts, type JoinStep, missingVotes } from './join-decide.ts';
import { missingKeys, withLines } from './keys-decide.ts';
import { linkWords } from './links-decide.ts';
import { CLUSTER_KEYS, JOIN_JOB, joinFacts, ourKeys } from './look.ts';
import { BEGUN } from './machine-codec.ts';
import { waitFor, waitForJob, waitForQuorum } from './quorum.ts';

export interface JoinArgs {
  readonly way: 'ssh' | 'password';
}

/** `pvecm add` waits for a quorum without an end; twenty members form a new membership in well under a minute. */
const JOIN_MS = 600_000;
const QUORUM_MS = 300_000;
const CERTIFICATE_MS = 120_000;
/** More than any way in has. */
const MAX_TURNS = 24;
/** Locks of a cluster are waited for ten seconds each, and then the peer gives up with nothing done. */
const LOCK_TRIES = 5;
const LOCK_PAUSE_MS = 15_000;
const LOCKED = /got lock request timeout|can't lock file .* - got timeout/;
/** The peer did not take the key: nothing has happened. */
const NOT_LET_IN = /unable to copy ssh ID|Permission denied \(publickey/;

type Context = StepContext<JoinArgs>;
type Do = Extract<JoinDecision, { readonly is: 'do' }>;

export async function lookAtJoin(context: StepContext): Promise<{ readonly facts: JoinFacts; readonly decision: JoinDecision }> {
  const facts = await joinFacts(context);
  return { facts, decision: decideJoin(facts) };
}

export async function joinCluster(context: Context): Promise<void> {
  for (let turn = 0; turn < MAX_TURNS; turn += 1) {
    context.signal.throwIfAborted();
    const { facts, decision } = await lookAtJoin(context);
    if (decision.is === 'in') return;
    if (decision.is === 'impossible') throw fail('pipeline.impossible', { message: decision.reason, hint: decision.hint });
    context.progress(turn / MAX_TURNS, decision.plan[0] ?? decision.next);
    await ACTIONS[decision.next](context, facts, decision);
  }
  throw fail('pipeline.not_reached', {
    message: `after ${MAX_TURNS} steps ${context.node.name} is still not in its cluster`,
    hint: 'The log of the run says what was done; pvecm status on a member says how it stands.',
  });
}

type Action = (context: Context, facts: JoinFacts, decision: Do) => Promise<void>;

const ACTIONS: Readonly<Record<JoinStep, Action>> = {
  'wait-for-members': async (context, { node }) => {
    const hint = 'Bring the missing members back, or remove those that are gone for good: pvecm delnode NAME';
    await waitFor(context, { what: 'enough members', hint, limitMs: QUORUM_MS }, async () => {
      const member = await context.memberShell();
      const [config, quorum] = [await corosyncOf(member), await quorumOf(member)];
      if (config === null || quorum === null) return `corosync of ${member.name} does not answer`;
      return missingVotes(node.name, config, quorum) ?? { found: undefined };
    });
  },
  'wait-for-job': async (context) => {
    await waitForJob(context, { dir: JOIN_JOB, what: 'the join', limitMs: JOIN_MS });
  },
  'clear-leftovers': async ({ shell }) => {
    await shell.must(['systemctl', 'stop', 'corosync']);
    await shell.must(['rm', '-f', '/etc/corosync/authkey', '/etc/corosync/corosync.conf']);
    await shell.must(['systemctl', 'restart', 'pve-cluster']);
    await forgetJob(shell, JOIN_JOB);
  },
  'finish-join': async (context) => {
    await context.shell.must(['systemctl', 'restart', 'corosync', 'pve-cluster']);
    await waitForQuorum(context, () => context.memberShell(), QUORUM_MS, context.node.name);
    await makeCertificate(context);
  },
  'free-peer': async (context) => {
    const member = await context.memberShell();
    context.log(`${member.name} goes on alone: pvecm expected 1 (the other member, ${context.node.name}, has never come)`);
    await member.must(['pvecm', 'expected', '1']);
    await waitForQuorum(context, () => context.memberShell(), QUORUM_MS);
  },
  'remove-qdevice': async (context) => {
    const member = await context.memberShell();
    await member.must(['pvecm', 'qdevice', 'remove'], { timeoutMs: QUORUM_MS });
    if ((await corosyncOf(member))?.qdevice != null) throw notDone(`the QDevice is still configured after pvecm qdevice remove`);
    await waitForQuorum(context, () => context.memberShell(), QUORUM_MS);
  },
  'add-keys': async (context) => {
    const { shell } = context;
    const member = await context.memberShell();
    const text = (await member.readFile(CLUSTER_KEYS))?.toString() ?? '';
    const missing = missingKeys(await ourKeys(shell), text);
    context.log(`${member.name}: ${missing.length} key of ours is added to ${CLUSTER_KEYS}`);
    await member.writeFile(CLUSTER_KEYS, withLines(text, missing), 0o600);
  },
  join: joinNow,
  'wait-for-quorum': async (context, { machine }) => {
    // In the cluster itself it is waited for; outside, the cluster alone.
    const name = machine?.cluster == null ? undefined : context.node.name;
    await waitForQuorum(context, () => context.memberShell(), QUORUM_MS, name);
  },
  'make-certificate': makeCertificate,
  'remove-attempt': async (context) => {
    await closeAttempt(context, await context.memberShell());
    await forgetJob(context.shell, JOIN_JOB);
    await context.shell.must(['rm', '-f', BEGUN]);
  },
};

async function makeCertificate(context: Context): Promise<void> {
  const { shell, node } = context;
  await shell.must(['pvecm', 'updatecerts', '--force'], { timeoutMs: CERTIFICATE_MS });
  await shell.must(['systemctl', 'reload-or-restart', 'pvedaemon', 'pveproxy']);
  const hint = `On ${node.name}: pvecm updatecerts --force`;
  await waitFor(context, { what: 'its certificate', hint, limitMs: CERTIFICATE_MS }, async () => {
    const member = await context.memberShell();
    const { code } = await member.run(['test', '-s', `/etc/pve/nodes/${node.name}/pve-ssl.pem`]);
    return code === 0 ? { found: undefined } : `${member.name} has none of it`;
  });
}

async function joinNow(context: Context, facts: JoinFacts, { links }: Do): Promise<void> {
  const { shell, node } = context;
  if (facts.cluster === null) throw new TypeError('a join without a member'); // it is decided by its facts
  const { peer, config } = facts.cluster;
  await shell.must(['mkdir', '-p', '-m', '0700', '/var/lib/rackseed']);
  await shell.writeFile(BEGUN, config.name, 0o600);
  const from = facts.machine?.addresses ?? [node.address];
  const attempt: Attempt = { node: node.name, peer: peer.address, from };
  const words = [peer.address, ...linkWords(links)];
  let way = context.args.way;
  for (let tries = 1; ; tries += 1) {
    const { code, log } = await attemptOnce(context, attempt, way, words);
    if (code === 0 || (await isListed(context))) return;
    const mayWait = LOCKED.test(log) && tries < LOCK_TRIES;
    const password = way === 'ssh' && NOT_LET_IN.test(log) ? await context.secret('cluster_root_password') : undefined;
    if (password !== undefined) way = 'password';
    else if (!mayWait) throw refused(context, peer.name, log);
    context.log(
      password === undefined ? 'the cluster was busy: it is tried again' : 'the peer did not take the key: it is tried by password',
    );
    await context.clock.sleep(LOCK_PAUSE_MS, context.signal);
  }
}

/** Whatever comes of it, the key goes away again; where that fails, check says so. */
async function attemptOnce(
  context: Context,
  attempt: Attempt,
  way: JoinArgs['way'],
  words: readonly string[],
): Promise<{ readonly code: number | null; readonly log: string }> {
  const { shell } = context;
  await forgetJob(shell, JOIN_JOB);
  if (way === 'password') await beginByPassword(context, words);
  else {
    await openAttempt(context, await context.memberShell(), attempt);
    await beginJob(shell, JOIN_JOB, ['pvecm', 'add', ...words, '--use_ssh']);
  }
  const end = await waitForJob(context, { dir: JOIN_JOB, what: 'the join', limitMs: JOIN_MS });
  if (way === 'ssh') await closed(context);
  return end;
}

async function closed(context: Context): Promise<void> {
  try {
    await closeAttempt(context, await context.memberShell());
  } catch (thrown) {
    context.signal.throwIfAborted();
    context.log(`the key of the attempt to join is still there: ${messageOf(thrown)}`);
  }
}

async function beginByPassword(context: Context, words: readonly string[]): Promise<void> {
  const password = await context.secret('cluster_root_password');
  if (password === undefined) {
    throw fail('pipeline.impossible', {
      message: `${context.node.name} is to join by the password of root, and none is known`,
      hint: 'Set root_password of the [[cluster]] by reference, or leave out way = "password".',
    });
  }
  const member = await context.memberShell();
  const printed = await member.must([
    'openssl',
    'x509',
    '-noout',
    '-fingerprint',
    '-sha256',
    '-in',
    `/etc/pve/nodes/${member.name}/pve-ssl.pem`,
  ]);
  const fingerprint = printed.trim().replace(/^.*=/, '');
  const { shell } = context;
  await beginJob(shell, JOIN_JOB, ['pvecm', 'add', ...words, '--fingerprint', fingerprint], password.reveal());
}

/** The command may have failed after the peer had taken it in: what is so counts, not how it ended. */
async function isListed(context: Context): Promise<boolean> {
  const config = await corosyncOf(await context.memberShell());
  return config?.members.some(({ name }) => name === context.node.name) === true;
}

function refused({ node }: Context, peer: string, log: string): Error {
  const said = log.trim().split('\n').slice(-6).join('; ');
  return fail('pipeline.step_failed', {
    message: `${node.name} was not taken in by ${peer}: ${said || 'pvecm add said nothing'}`,
    hint: 'Put right what it names, then: rackseed pipeline resume NODE',
  });
}

function notDone(message: string): Error {
  return fail('pipeline.not_reached', { message, hint: 'On a member: pvecm status' });
}
