// Inspection rules: conditions on what a machine reported, and what to do with its node then. Here they are stored and held to what
// Ironic's rules may say; they are run by whoever inspects.

import type { InspectionRuleTable } from '../../store/index.ts';
import { flag } from '../columns.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import { checkText } from './checks.ts';
import { badValue } from './errors.ts';
import { BASE_SORTABLE, createKeeper, type Keeper, type KeeperDeps, type Kind, type Stored } from './keeper.ts';
import { listText, objectsIn } from './lists.ts';
import { CONDITION_ARGS, RULE_ACTION_ARGS, type Signature } from './rule-words.ts';

export interface InspectionRule extends Stored {
  readonly description: string | null;
  /** Higher ones run first. */
  readonly priority: number;
  readonly phase: string;
  /** Conditions and actions are not shown to anybody. */
  readonly sensitive: boolean;
  readonly conditions: readonly JsonObject[];
  readonly actions: readonly JsonObject[];
}

const MAX_PRIORITY = 9999;
const PHASES: readonly string[] = ['main'];
const MULTIPLE: readonly string[] = ['any', 'all', 'first', 'last'];

const KIND: Kind<InspectionRule, InspectionRuleTable> = {
  table: 'inspection_rules',
  noun: 'Rule',
  cap: 1000,
  sortable: { ...BASE_SORTABLE, priority: 'number', phase: 'text', description: 'text', sensitive: 'number' },
  unique: [],
  check: (rule) => {
    checkText('description', rule.description, 255);
    if (!PHASES.includes(rule.phase)) throw badValue(`Invalid phase: ${rule.phase.slice(0, 80)}. Valid phases are: ${PHASES.join(', ')}`);
    if (!Number.isInteger(rule.priority) || rule.priority < 0 || rule.priority > MAX_PRIORITY)
      throw badValue(`Priority must be between 0 and ${MAX_PRIORITY} for user-defined rules.`);
    if (rule.actions.length === 0) throw badValue('Validation failed for inspection rule: actions is empty, at least one is needed.');
    for (const condition of rule.conditions) checkCondition(condition);
    for (const action of rule.actions) checkOperation('action', action, RULE_ACTION_ARGS);
  },
  row: (rule) =>
    ({
      uuid: rule.uuid,
      description: rule.description,
      priority: rule.priority,
      phase: rule.phase,
      sensitive: flag(rule.sensitive),
      conditions: listText('conditions', rule.conditions),
      actions: listText('actions', rule.actions),
      created_at: rule.createdAt,
      updated_at: rule.updatedAt,
    }) satisfies InspectionRuleTable,
  model: (row) => ({
    uuid: row.uuid,
    description: row.description,
    priority: row.priority,
    phase: row.phase,
    sensitive: row.sensitive === 1,
    conditions: objectsIn('conditions', row.conditions, `inspection rule ${row.uuid}`),
    actions: objectsIn('actions', row.actions, `inspection rule ${row.uuid}`),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }),
};

export function createInspectionRules(deps: KeeperDeps): Keeper<InspectionRule> {
  const keeper = createKeeper(KIND, deps);
  return {
    ...keeper,
    update: async (tx, before, changes) => {
      // What was hidden must not be shown by changing a flag.
      if (before.sensitive && changes.sensitive === false) throw badValue('Inspection rules cannot have the sensitive flag unset.');
      return keeper.update(tx, before, changes);
    },
  };
}

function checkCondition(condition: JsonObject): void {
  checkOperation('condition', condition, CONDITION_ARGS);
  const { multiple } = condition;
  if (multiple !== undefined && !(typeof multiple === 'string' && MULTIPLE.includes(multiple)))
    throw badValue(`Validation failed for inspection rule: multiple is none of ${MULTIPLE.join(', ')}.`);
}

function checkOperation(what: 'condition' | 'action', said: JsonObject, known: Readonly<Record<string, Signature>>): void {
  const { op, args, loop } = said;
  if (typeof op !== 'string') throw badValue(`Validation failed for inspection rule: a ${what} has no op.`);
  const name = what === 'condition' ? op.replace(/^!\s*/, '') : op;
  const signature = Object.hasOwn(known, name) ? known[name] : undefined;
  if (signature === undefined)
    throw badValue(`Unsupported ${what} operator: ${op.slice(0, 80)}`, `These are known: ${Object.keys(known).join(', ')}.`);
  if (args === undefined) throw badValue(`Validation failed for inspection rule: the ${what} ${op} has no args.`);
  const wrong = argumentFault(args, signature);
  if (wrong !== undefined) throw badValue(`Invalid parameters for ${what} operator ${op}: ${wrong}`);
  if (loop !== undefined && (typeof loop !== 'object' || loop === null))
    throw badValue(`Validation failed for inspection rule: loop of the ${what} ${op} is neither a list nor an object.`);
}

/** A list gives the arguments in their order. */
function argumentFault(args: JsonValue, { required, optional }: Signature): string | undefined {
  if (Array.isArray(args)) {
    const missing = required.slice(args.length);
    if (missing.length > 0) return `missing required argument(s): ${missing.join(', ')}`;
    return args.length > required.length + optional.length ? 'more arguments than it takes' : undefined;
  }
  if (!isJsonObject(args)) return 'args must be either a list or dictionary';
  const missing = required.filter((name) => !Object.hasOwn(args, name));
  if (missing.length > 0) return `missing required argument(s): ${missing.join(', ')}`;
  const unexpected = Object.keys(args).filter((name) => !required.includes(name) && !optional.includes(name));
  return unexpected.length > 0 ? `unexpected argument(s): ${unexpected.join(', ').slice(0, 200)}` : undefined;
}
