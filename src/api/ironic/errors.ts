// Errors as Ironic's clients read them: JSON whose error_message is itself a JSON text, not an object. Pure.

import type { Fault } from '../problem.ts';

export function ironicErrorBody(fault: Fault): string {
  const faultstring = fault.hint === undefined ? fault.message : `${fault.message} ${fault.hint}`;
  const inner = { faultcode: fault.status < 500 ? 'Client' : 'Server', faultstring, debuginfo: null };
  return JSON.stringify({ error_message: JSON.stringify(inner) });
}
