// An installation as its row, and back. Rows are written by the book alone, so anything else in them is damage.

import { BugError } from '../../lib/index.ts';
import type { JsonObject } from '../../nodes/index.ts';
import type { InstallationTable } from '../../store/index.ts';
import type { Installation, InstallPlan } from '../seam.ts';
import { isStage } from './stages-decide.ts';

/** What else is known of it. */
export interface InstallationRecord extends Installation {
  /** When the machine was last heard of. */
  readonly signAt: number;
  readonly createdAt: number;
  /** Null: it is under way. */
  readonly endedAt: number | null;
  /** Who the answer was served to. */
  readonly answerTo: string | null;
  /** How often the answer was asked for with the right secret. */
  readonly answerAsks: number;
  readonly answerSent: AnswerSent | null;
  /** What the web hook told, shortened. */
  readonly hook: JsonObject | null;
  readonly firstBoot: JsonObject | null;
}

/** Digests: the text is kept nowhere. */
export interface AnswerSent {
  readonly answer: string;
  readonly request: string;
}

export function recordOf(row: InstallationTable): InstallationRecord {
  if (!isStage(row.stage)) throw new BugError(`installation ${row.uuid} is in no stage: ${row.stage}`);
  return {
    uuid: row.uuid,
    nodeUuid: row.node_uuid,
    deployment: row.deployment,
    stage: row.stage,
    // Only begin() writes the column, and takes a plan.
    plan: object(row.plan, row.uuid) as unknown as InstallPlan,
    bootId: row.boot_id,
    boots: row.boots,
    answeredAt: row.answered_at,
    installedAt: row.installed_at,
    firstBootAt: row.first_boot_at,
    isoBytes: row.iso_bytes,
    isoTotal: row.iso_total,
    failure: row.failure,
    stageAt: row.stage_at,
    signAt: Math.max(row.updated_at, row.stage_at),
    createdAt: row.created_at,
    endedAt: row.ended_at,
    answerTo: row.answer_to,
    answerAsks: row.answer_asks,
    answerSent: row.answer_sent === null ? null : sentOf(object(row.answer_sent, row.uuid)),
    hook: row.hook === null ? null : object(row.hook, row.uuid),
    firstBoot: row.first_boot === null ? null : object(row.first_boot, row.uuid),
  };
}

function sentOf({ answer, request }: JsonObject): AnswerSent {
  if (typeof answer === 'string' && typeof request === 'string') return { answer, request };
  throw new BugError('what was answered to an installer is kept in another form than digests');
}

function object(text: string, uuid: string): JsonObject {
  const value: unknown = JSON.parse(text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject; // parsed from JSON, an object
  throw new BugError(`installation ${uuid} holds no JSON object where one belongs`);
}
