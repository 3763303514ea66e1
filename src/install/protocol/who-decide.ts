// Is this the machine that the answer is for, and is it the time for it? Pure. A "no" says why, for people: the machine is told nothing of it.

import type { AnswerAsk } from './ask-codec.ts';
import type { InstallationRecord } from './record.ts';
import { REPEAT_MS, waitsForAnswer } from './stages-decide.ts';

export interface Asked {
  readonly ask: AnswerAsk;
  /** The nodes that have one of its MACs. */
  readonly owners: readonly string[];
  /** Whose answer it is, with what of its identity is no junk. */
  readonly node: {
    readonly uuid: string;
    readonly provisionState: string;
    readonly smbiosUuid: string | null;
    readonly smbiosSerial: string | null;
  };
  /** As given by the machine, null where it is junk. */
  readonly smbiosUuid: string | null;
  readonly serial: string | null;
}

/** What is being deployed: only then an answer is given. */
export const DEPLOYED: readonly string[] = ['deploying', 'wait call-back', 'deploy hold'];

/** Null: it is the one. */
export function strangerReason({ ask, owners, node, smbiosUuid, serial }: Asked): string | null {
  if (!owners.includes(node.uuid)) return `none of its MACs (${ask.macs.slice(0, 4).join(', ')}) is one of the node's`;
  const other = owners.find((owner) => owner !== node.uuid);
  if (other !== undefined) return `one of its MACs belongs to another node (${other})`;
  // Who leaves them out knows a MAC, and no more than that.
  if (node.smbiosUuid !== null && smbiosUuid !== node.smbiosUuid.toLowerCase())
    return `its SMBIOS UUID is ${smbiosUuid ?? 'not said'}, the node's is ${node.smbiosUuid}`;
  if (node.smbiosSerial !== null && serial !== node.smbiosSerial)
    return `its serial number is ${serial ?? 'not said'}, the node's is ${node.smbiosSerial}`;
  if (!DEPLOYED.includes(node.provisionState)) return `the node is ${node.provisionState}, not being deployed`;
  return null;
}

export interface Serving {
  readonly row: Pick<InstallationRecord, 'stage' | 'endedAt' | 'failure' | 'answeredAt' | 'answerTo' | 'answerSent'>;
  readonly request: string;
  readonly from: string;
  readonly now: number;
}

export type Timeliness = { readonly is: 'first' } | { readonly is: 'repeat' } | { readonly is: 'refused'; readonly reason: string };

export function timeliness({ row, request, from, now }: Serving): Timeliness {
  if (row.endedAt !== null) return refused(`its installation is over: ${row.failure ?? 'the installed system was reached'}`);
  if (waitsForAnswer(row.stage)) return { is: 'first' };
  if (row.stage === 'prepared') return refused('its disks are not ready: the installer was not to be booted yet');
  if (row.stage !== 'answered') return refused('its installer has finished already: a further installation needs a person');
  const { answeredAt, answerTo, answerSent } = row;
  if (answeredAt === null || answerSent === null) return refused('it had its answer, and nobody knows which');
  if (answerSent.request !== request) return refused('it had its answer, and this is another request');
  if (answerTo !== from) return refused(`its answer went to ${answerTo ?? 'another address'}, and this request comes from ${from}`);
  if (now - answeredAt > REPEAT_MS) return refused('it had its answer more than 15 minutes ago');
  return { is: 'repeat' };
}

function refused(reason: string): Timeliness {
  return { is: 'refused', reason };
}
