// Replacement fields in the texts of inspection rules, as Python's str.format reads them: {node.name}, {inventory[cpu][count]}, {item},
// {{ and }}. A field that leads nowhere leaves the text as it is, as in Ironic. Pure.

export type Context = Readonly<Record<string, unknown>>;

const FIELD = /\{\{|\}\}|\{([^{}]*)\}/g;
const PATH = /^([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*|\[[^[\]]+\])*)$/;
const PART = /\.([A-Za-z_]\w*)|\[([^[\]]+)\]/g;
const MISSING = Symbol('missing');
/** A machine's text in a rule's text in a node's field: none of them grows without end. */
const MAX_TEXT = 64 * 1024;

/** In every text of a list or an object, keys too. */
export function interpolate(value: unknown, context: Context): unknown {
  if (typeof value === 'string') return formatted(value, context);
  if (Array.isArray(value)) return value.map((one: unknown) => interpolate(one, context));
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [formatted(key, context), interpolate(inner, context)]));
}

function formatted(text: string, context: Context): string {
  let isWhole = true;
  const filled = text.replaceAll(FIELD, (found, path: string | undefined) => {
    if (path === undefined) return found.slice(1);
    const value = valueAt(path, context);
    if (value === MISSING) isWhole = false;
    return value === MISSING ? found : pythonText(value);
  });
  return isWhole ? filled.slice(0, MAX_TEXT) : text;
}

function valueAt(path: string, context: Context): unknown {
  const [, root = '', rest = ''] = PATH.exec(path) ?? [];
  let value: unknown = Object.hasOwn(context, root) ? context[root] : MISSING;
  for (const [, attribute, key] of rest.matchAll(PART)) {
    const name = attribute ?? key ?? '';
    if (Array.isArray(value) && /^\d+$/.test(name)) value = Number(name) < value.length ? value[Number(name)] : MISSING;
    else value = isRecord(value) && Object.hasOwn(value, name) ? value[name] : MISSING;
  }
  return value;
}

/** As str() shows it. What is secret is no plain object, and shows as asterisks. */
export function pythonText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return String(value);
  return Array.isArray(value) || isRecord(value) ? JSON.stringify(value) : '******';
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
