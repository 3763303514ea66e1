// What inspection rules can say: operators of conditions and of actions, with the arguments each takes, in their order. Data.

export interface Signature {
  readonly required: readonly string[];
  readonly optional: readonly string[];
}

const takes = (required: readonly string[], optional: readonly string[] = []): Signature => ({ required, optional });

/** `!` before an operator turns its answer round. */
export const CONDITION_ARGS: Readonly<Record<string, Signature>> = {
  eq: takes(['values'], ['force_strings']),
  lt: takes(['values'], ['force_strings']),
  gt: takes(['values'], ['force_strings']),
  'is-empty': takes(['value']),
  'in-net': takes(['address', 'subnet']),
  matches: takes(['value', 'regex']),
  contains: takes(['value', 'regex']),
  'one-of': takes(['value'], ['values']),
  'is-none': takes(['value']),
  'is-true': takes(['value']),
  'is-false': takes(['value']),
};

export const RULE_ACTION_ARGS: Readonly<Record<string, Signature>> = {
  fail: takes(['msg']),
  log: takes(['msg'], ['level']),
  'set-attribute': takes(['path', 'value']),
  'extend-attribute': takes(['path', 'value'], ['unique']),
  'del-attribute': takes(['path']),
  'set-capability': takes(['name', 'value']),
  'unset-capability': takes(['name']),
  'add-trait': takes(['name']),
  'remove-trait': takes(['name']),
  'set-plugin-data': takes(['path', 'value']),
  'extend-plugin-data': takes(['path', 'value'], ['unique']),
  'unset-plugin-data': takes(['path']),
  'set-port-attribute': takes(['port_id', 'path', 'value']),
  'extend-port-attribute': takes(['port_id', 'path', 'value'], ['unique']),
  'del-port-attribute': takes(['port_id', 'path']),
  'api-call': takes(['url'], ['headers', 'proxies', 'timeout', 'retries', 'backoff_factor']),
};
