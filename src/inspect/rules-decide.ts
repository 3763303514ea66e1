// Inspection rules on what a machine reported: which of them hold, and what the node is afterwards. Pure: the same report and rules give the
// same node. A fault names its rule; of a sensitive rule it says no more than that.

import { CONDITION_ARGS, type InspectionRule, type JsonObject, RULE_ACTION_ARGS } from '../nodes/index.ts';
import { ACTIONS, RuleFailure, type Subject } from './rules-actions.ts';
import { type Arguments, OPERATORS } from './rules-conditions.ts';
import { type Context, interpolate, isRecord, pythonText } from './rules-format.ts';

export type Rule = Pick<InspectionRule, 'uuid' | 'description' | 'priority' | 'phase' | 'sensitive' | 'conditions' | 'actions'>;

export type Outcome = { readonly subject: Subject; readonly applied: readonly string[] } | { readonly failure: string };

/** Arguments that Ironic takes as they are, unless there is a loop. */
const LITERAL: readonly string[] = ['path', 'port_id', 'name', 'regex', 'unique', 'level', 'force_strings'];

export function applyRules(rules: readonly Rule[], before: Subject, phase = 'main'): Outcome {
  let subject = before;
  const applied: string[] = [];
  const due = rules.filter((rule) => rule.phase === phase).toSorted((a, b) => b.priority - a.priority);
  for (const rule of due) {
    try {
      const now = subject;
      if (!rule.conditions.every((condition) => holds(condition, now))) continue;
      for (const action of rule.actions) subject = act(action, subject);
      applied.push(rule.uuid);
    } catch (error) {
      if (!(error instanceof RuleFailure) && !(error instanceof TypeError)) throw error;
      return { failure: failureOf(rule, error) };
    }
  }
  return { subject, applied };
}

function failureOf(rule: Rule, error: Error): string {
  const title = rule.description === null || rule.sensitive ? rule.uuid : `${rule.uuid} (${rule.description})`;
  if (rule.sensitive) return `Inspection rule ${title} failed; it is sensitive, so that the reason is not shown`;
  return error instanceof RuleFailure ? `${error.message} (inspection rule ${title})` : `Inspection rule ${title} failed: ${error.message}`;
}

function holds(condition: JsonObject, subject: Subject): boolean {
  const [, not = '', op = ''] = /^(!?)\s*(.*)$/s.exec(pythonText(condition.op)) ?? [];
  const operator = Object.hasOwn(OPERATORS, op) ? OPERATORS[op] : undefined;
  if (operator === undefined) throw new TypeError(`Unsupported condition operator: ${op.slice(0, 80)}`);
  const check = (item: Item | undefined): boolean => {
    const args = argumentsOf(op, condition, CONDITION_ARGS, subject, item);
    // What was filled in is text: in a loop Ironic compares texts.
    const asked =
      item !== undefined && CONDITION_ARGS[op]?.optional.includes('force_strings') === true ? { ...args, force_strings: true } : args;
    return operator(asked) !== (not === '!');
  };
  const items = itemsOf(condition);
  if (items === undefined) return check(undefined);
  const { multiple } = condition;
  if (multiple === 'all') return items.every(check);
  if (multiple === 'last') return items.slice(-1).some(check);
  return items.some(check);
}

function act(action: JsonObject, subject: Subject): Subject {
  const op = pythonText(action.op);
  const run = Object.hasOwn(ACTIONS, op) ? ACTIONS[op] : undefined;
  if (run === undefined) throw new TypeError(`the action ${op.slice(0, 80)} is not carried out by this appliance`);
  const items = itemsOf(action) ?? [undefined];
  return items.reduce<Subject>((now, item) => run(now, argumentsOf(op, action, RULE_ACTION_ARGS, now, item)), subject);
}

interface Item {
  readonly item: unknown;
}

/** Undefined: no loop. An object is one item. */
function itemsOf({ loop }: JsonObject): readonly Item[] | undefined {
  if (typeof loop !== 'object' || loop === null) return undefined;
  if (Array.isArray(loop)) return loop.length === 0 ? undefined : loop.map((item: unknown) => ({ item }));
  return Object.keys(loop).length === 0 ? undefined : [{ item: loop }];
}

function argumentsOf(op: string, { args }: JsonObject, known: typeof CONDITION_ARGS, subject: Subject, item: Item | undefined): Arguments {
  const { required = [], optional = [] } = known[op] ?? {};
  const names = [...required, ...optional];
  const listed = Array.isArray(args) ? Object.fromEntries(args.map((one: unknown, index) => [names[index] ?? '', one])) : {};
  const given: Arguments = isRecord(args) ? args : listed;
  const context: Context = { node: subject.node, inventory: subject.inventory, plugin_data: subject.pluginData };
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      if (item === undefined) return [name, LITERAL.includes(name) ? value : interpolate(value, context)];
      // An item may have fields of its own.
      return [name, interpolate(interpolate(value, { ...context, ...item }), { ...context, ...item })];
    }),
  );
}
