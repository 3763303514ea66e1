// The schemas of enrolment below /api: machines that wait for a yes, wipe plans, and which rule fits why.

import { type Static, type TSchema, Type } from 'typebox';
import { instant, named, nullable } from './schemas.ts';

const text = Type.String();
const maybe = nullable(text);
const maybeInstant = nullable(instant);
const planDisk = { title: text, about: Type.String({ description: 'What is on it.' }), why: text };

export const WipePlan = named(
  'WipePlan',
  Type.Object(
    {
      hash: Type.String({ description: 'What a yes is bound to. With other disks, or other things on them, it is another one.' }),
      state: Type.Enum(['proposed', 'approved', 'standing', 'void', 'spent'], {
        description: 'standing: it was used, and its disks are ours until the node is removed or retired.',
      }),
      profile: maybe,
      lines: Type.Array(text, { description: 'The plan in words, a line a disk.' }),
      erased: Type.Array(Type.Object({ ...planDisk, serial: maybe, wwn: maybe, size: Type.Integer({ description: 'Bytes.' }) })),
      kept: Type.Array(Type.Object(planDisk)),
      refused: Type.Array(
        Type.Object({
          ...planDisk,
          name: nullable(
            Type.String({ description: 'What a yes to this very disk names: its serial or WWN. Null: nobody can say yes to it.' }),
          ),
          isNeeded: Type.Boolean({ description: 'Without it the machine can not become what it shall.' }),
        }),
      ),
      said: Type.Array(text, { description: 'Disks to which somebody said yes by name.' }),
      problem: nullable(Type.String({ description: 'What the machine lacks for its profile.' })),
      approvedBy: maybe,
      approvedAt: maybeInstant,
      reason: nullable(Type.String({ description: 'Why it is void or spent.' })),
      createdAt: instant,
    },
    { description: 'The disks that a yes allows to erase; nothing ever goes beyond it.' },
  ),
);

export const RuleFit = named(
  'RuleFit',
  Type.Object({
    rule: text,
    fits: Type.Boolean(),
    reason: text,
    conditions: Type.Array(Type.Object({ key: text, wanted: text, found: text, fits: Type.Boolean() })),
  }),
);

const maybePlan = Type.Unsafe<Static<typeof WipePlan.schema> | null>({ anyOf: [{ $ref: 'WipePlan#' }, { type: 'null' }] });

export const EnrolmentEntry = named(
  'EnrolmentEntry',
  Type.Object({
    node: Type.String({ description: 'UUID.' }),
    name: nullable(Type.String({ description: 'Its name, or the one that is proposed.' })),
    provisionState: text,
    macs: Type.Array(text),
    state: nullable(Type.String({ description: 'proposed, approved, done, failed or rejected; null: it was not discovered.' })),
    profile: maybe,
    rule: maybe,
    reason: Type.String({ description: 'Why it is so, and what stopped it.' }),
    isIgnored: Type.Boolean(),
    isAgentThere: Type.Boolean({ description: 'The agent runs on it now.' }),
    approvedBy: maybe,
    approvedAt: maybeInstant,
    taskId: maybe,
    discoveredAt: instant,
    plan: maybePlan,
    rules: Type.Array(RuleFit.ref),
  }),
);

export const Approval = named(
  'Approval',
  Type.Object({
    node: text,
    name: maybe,
    planHash: text,
    lines: Type.Array(text),
    taskId: text,
    next: Type.String({ description: 'What happens now, and what somebody has to do for it.' }),
  }),
);

export const RuleTest = named(
  'RuleTest',
  Type.Object({
    rule: nullable(Type.String({ description: 'The one that counts: the first that fits.' })),
    profile: maybe,
    autoApprove: Type.Boolean(),
    name: nullable(Type.String({ description: 'What the machine would be called.' })),
    reason: text,
    rules: Type.Array(RuleFit.ref),
  }),
);

export const ENROL_SCHEMAS: readonly TSchema[] = [WipePlan, RuleFit, EnrolmentEntry, Approval, RuleTest].map(({ schema }) => schema);
