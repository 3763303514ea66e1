// What an answer other than 200 means, in words for people, with what to do next. Pure.

import { Type } from 'typebox';
import { Check } from 'typebox/value';
import type { RackseedError } from '../lib/index.ts';
import { fail } from './errors.ts';
import type { Answer } from './tls.ts';

export interface Refused {
  readonly method: string;
  /** For people: with or without what stands in it. */
  readonly path: string;
  /** Privileges that the schema names. */
  readonly privileges?: readonly string[];
  /** Values of parameters that the server may say back. */
  readonly secrets?: readonly string[];
}

const SAID_LENGTH = 200;
const MANY = 10;
const AUDITOR =
  'Give the token (and, with privilege separation, its user too) the role PVEAuditor on /: pveum acl modify / --tokens TOKEN --roles PVEAuditor';

/**
 * The statuses of its own that pveproxy has when it asks another member: 595 no connection (nothing was asked there), 596 and 597 the connection
 * or the answer was lost (AnyEvent::HTTP).
 */
const NOT_CONNECTED = 595;
const LOST = [596, 597];

export function refusalOf(asked: Refused, answer: Answer, host: string): RackseedError {
  const { method, path, privileges = [] } = asked;
  const { status } = answer;
  const isRead = method === 'GET';
  const message = `${host} answers ${isRead ? '' : `${method} `}${path} with ${status} ${wordsOf(answer, asked.secrets ?? [])}`.trim();
  const detail = { status };
  if (status === 400 || status === 422)
    return fail('proxmox.bad_parameters', { message, hint: 'Nothing was done. Its words name the parameter.', detail });
  if (status === 401) {
    const hint = 'Compare user, realm and secret; a token may have expired or been removed.';
    return fail('proxmox.refused', { message, hint, detail });
  }
  if (status === 403) {
    const hint =
      isRead && privileges.length === 0
        ? AUDITOR
        : `The user or token lacks one of ${privileges.join(', ') || 'the privileges for it'}; root does it by pvesh on a member.`;
    return fail('proxmox.no_permission', { message, hint, detail });
  }
  if (status === NOT_CONNECTED || (isRead && LOST.includes(status)))
    return fail('proxmox.node_unreachable', { message, hint: 'Is that member switched on? Its own address may answer.', detail });
  if (LOST.includes(status))
    return fail('proxmox.answer_lost', { message, hint: 'It may have been done: look at the member, then ask again.', detail });
  if (status === 501)
    return fail('proxmox.no_such_call', { message, hint: 'Compare the release of the node with what the call needs.', detail });
  return fail('proxmox.failed', {
    message,
    hint: 'Look at the log of pveproxy and pvedaemon there: journalctl -u pveproxy -u pvedaemon',
    detail,
  });
}

const Errors = Type.Object({ errors: Type.Record(Type.String(), Type.String()) });

/** The status line has its first line; wrong parameters stand in the body by name. */
function wordsOf({ statusText, body }: Answer, secrets: readonly string[]): string {
  const wrongs = wrongsIn(body).slice(0, MANY).join('; ');
  const text = wrongs === '' ? statusText : `${statusText} ${wrongs}`;
  const hidden = secrets.reduce((said, secret) => said.replaceAll(secret, '******'), text);
  return hidden.replaceAll(/\p{Cc}+/gu, ' ').slice(0, wrongs === '' ? SAID_LENGTH : SAID_LENGTH * 2);
}

function wrongsIn(body: string): readonly string[] {
  try {
    const parsed: unknown = JSON.parse(body);
    return Check(Errors, parsed) ? Object.entries(parsed.errors).map(([name, why]) => `${name}: ${why.trim()}`) : [];
  } catch {
    return []; // no JSON: the status line is all there is
  }
}
