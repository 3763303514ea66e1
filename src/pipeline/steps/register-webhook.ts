// Tells another program of the machine once, over HTTP, signed with a key that both know. Proven over real HTTP against a receiver of the test
// that checks the signature; there is no standard receiver.

import { createHash, createHmac } from 'node:crypto';
import { type Static, Type } from 'typebox';
import { isoTime, messageOf, type Secret } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import type { PipelineStep, StepContext, Verdict } from '../seam.ts';
import { impossible, refusal } from '../system/verdicts.ts';

const Args = Type.Object(
  {
    url: Type.String({
      pattern: '^https?://[^/?#@\\s]+(?:[/?][^\\s#]*)?$',
      maxLength: 2048,
      description: 'Where the message goes, by POST.',
    }),
    secret: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9_.-]+$',
        maxLength: 63,
        description: 'Name of the [[pipeline.secret]] that signs the message; without it the message is not signed.',
      }),
    ),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

export const step: PipelineStep<Args> = {
  name: 'register-webhook',
  title: 'Message to another program',
  provenOn: 'real',
  args: Args,
  timeoutMs: 60_000,
  isOnce: true,
  describe: ({ url }) => `tells ${placeOf(url)} of the machine`,
  check: async (context) => look(context),
  apply: async (context) => {
    const verdict = await look(context);
    if (verdict.is === 'impossible') throw refusal(verdict);
    if (verdict.is === 'needed') await tell(context);
  },
};

/** Paths of such URLs are secrets often enough. */
function placeOf(url: string): string {
  return new URL(url).origin;
}

async function look(context: StepContext<Args>): Promise<Verdict> {
  const { args, notes } = context;
  const place = URL.canParse(args.url) ? placeOf(args.url) : undefined;
  if (place === undefined) return impossible('url is none that can be asked', 'Correct it in the file of the pipeline.');
  const told = notes.get(`${noteOf(args)}.told`);
  if (told !== undefined) return { is: 'satisfied', words: `${place} was told (${told})` };
  if (args.secret !== undefined && (await context.secret(args.secret)) === undefined)
    return impossible(
      `there is no secret ${args.secret} to sign with`,
      `Write it into rackseed.toml: [[pipeline.secret]] name = "${args.secret}" value = { file = "…" }`,
    );
  return { is: 'needed', plan: [`${place} is told of ${context.node.fqdn}${args.secret === undefined ? ', unsigned' : ''}`] };
}

/** Notes are of a run, which may have several such steps. */
function noteOf({ url, secret = '' }: Args): string {
  return `webhook.${createHash('sha256').update(`${secret} ${url}`).digest('hex').slice(0, 16)}`;
}

async function tell(context: StepContext<Args>): Promise<void> {
  const { args, notes, clock, signal } = context;
  const note = noteOf(args);
  // Whoever is cut off here sends the same message with the same number again: the receiver can tell.
  const since = notes.get(`${note}.since`) ?? String(clock.now());
  await notes.set(`${note}.since`, since);
  const body = JSON.stringify(messageOn(context, Number(since)));
  const secret = args.secret === undefined ? undefined : await context.secret(args.secret);
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'rackseed',
    'x-rackseed-delivery': createHash('sha256').update(`${context.node.uuid} ${note} ${since}`).digest('hex').slice(0, 32),
    ...(secret === undefined ? {} : signed(secret, Math.floor(clock.now() / 1000), body)),
  };
  const { status } = await asked(context, { url: args.url, headers, body, signal });
  if (status < 200 || status > 299) throw refused(placeOf(args.url), status);
  await notes.set(`${note}.told`, `status ${status}`);
}

/** Over time and body: an old message is worth nothing to whoever has listened. */
function signed(secret: Secret, at: number, body: string): Readonly<Record<string, string>> {
  const mac = createHmac('sha256', secret.reveal()).update(`${at}.${body}`).digest('hex');
  return { 'x-rackseed-timestamp': String(at), 'x-rackseed-signature': `sha256=${mac}` };
}

function messageOn({ node, profile, cluster, members }: StepContext<Args>, at: number): object {
  const { uuid, name, fqdn, address, bootMode, hostKeys, memberOf = null } = node;
  return {
    type: 'node.registered',
    at: isoTime(at),
    node: { uuid, name, fqdn, address, bootMode, hostKeys, memberOf },
    profile: profile.name ?? null,
    cluster: cluster?.name ?? null,
    members: members.map((member) => member.name).toSorted((a, b) => (a < b ? -1 : 1)),
  };
}

async function asked(context: StepContext<Args>, request: Parameters<StepContext['post']>[0]): Promise<{ readonly status: number }> {
  try {
    return await context.post(request);
  } catch (thrown) {
    if (context.signal.aborted) throw thrown;
    const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
    throw fail('pipeline.not_reached', {
      message: `${placeOf(request.url)} could not be told: ${messageOf(cause)}`,
      hint: 'Look whether it can be reached from the appliance, and whether its certificate is one that the appliance knows.',
    });
  }
}

const BUSY: readonly number[] = [408, 425, 429];

function refused(place: string, status: number): Error {
  const isLater = status >= 500 || BUSY.includes(status);
  return fail(isLater ? 'pipeline.not_reached' : 'pipeline.step_failed', {
    message: `${place} did not take the message: HTTP status ${status}`,
    hint: isLater ? 'It is tried again; look at that program if it stays so.' : 'Look at url and secret of the step, and at that program.',
  });
}
