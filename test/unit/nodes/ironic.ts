// Ironic's provision machine as its documentation and source have it (master of August 2026), typed by hand from there and never
// from our table: STATE: EVENT > STATE, … A parenthesis is what target_provision_state shows.

export const IRONIC_MOVES = `
enroll: manage > verifying
verifying: done > manageable, fail > enroll
manageable: provide > cleaning, clean > cleaning, inspect > inspecting, adopt > adopting
inspecting: done > manageable, wait > inspect wait, fail > inspect failed
inspect wait: done > manageable, resume > inspecting, fail > inspect failed, abort > inspect failed
inspect failed: manage > manageable, inspect > inspecting
cleaning: done > available, manage > manageable, wait > clean wait, hold > clean hold, fail > clean failed
clean wait: resume > cleaning, hold > clean hold, fail > clean failed, abort > clean failed
clean hold: unhold > clean wait, abort > clean failed
clean failed: manage > manageable
available: deploy > deploying, manage > manageable
deploying: wait > wait call-back, hold > deploy hold, done > active, fail > deploy failed
wait call-back: resume > deploying, hold > deploy hold, fail > deploy failed, abort > deploy failed, delete > deleting
deploy hold: unhold > wait call-back, abort > deploy failed
deploy failed: deploy > deploying, rebuild > deploying, delete > deleting
active: rebuild > deploying, delete > deleting, rescue > rescuing, service > servicing
deleting: clean > cleaning, fail > error
error: rebuild > deploying, delete > deleting
rescuing: done > rescue, wait > rescue wait, fail > rescue failed
rescue wait: resume > rescuing, fail > rescue failed, abort > rescue failed, delete > deleting
rescue: rescue > rescuing, unrescue > unrescuing, delete > deleting
rescue failed: rescue > rescuing, unrescue > unrescuing, delete > deleting
unrescuing: done > active, fail > unrescue failed
unrescue failed: rescue > rescuing, unrescue > unrescuing, delete > deleting
adopting: done > active, fail > adopt failed
adopt failed: adopt > adopting, manage > manageable
servicing: done > active, wait > service wait, hold > service hold, fail > service failed
service wait: resume > servicing, hold > service hold, fail > service failed, abort > service failed, delete > deleting
service hold: service > servicing, unhold > service wait, fail > service failed, abort > service failed
service failed: service > servicing, rescue > rescuing, wait > service wait, hold > service hold, delete > deleting, abort > active
`;

export const IRONIC_STABLE = ['enroll', 'manageable', 'available', 'active', 'error', 'rescue'];

export const IRONIC_TARGETS: Readonly<Record<string, readonly string[]>> = {
  manageable: words('verifying, inspecting, inspect wait, inspect failed'),
  available: words('cleaning, clean wait, clean hold, clean failed, deleting'),
  active: words(
    `deploying, wait call-back, deploy hold, deploy failed, adopting, adopt failed, unrescuing, unrescue failed,
     servicing, service wait, service hold, service failed`,
  ),
  rescue: words('rescuing, rescue wait, rescue failed'),
};

/** After a restart Ironic fails these; all others survive. */
export const IRONIC_FAILS_ON_RESTART = words(
  'deploying, cleaning, verifying, inspecting, adopting, rescuing, unrescuing, deleting, servicing',
);

/** Where a node under way may be changed. Without inspecting, which Ironic refuses from API 1.39 on. */
export const IRONIC_UPDATE_ALLOWED = words(
  `deploy failed, inspect failed, inspect wait, clean failed, error, verifying, adopt failed, rescue failed, unrescue failed,
   service hold, service failed`,
);

export const IRONIC_VERBS: Readonly<Record<string, string>> = {
  active: 'deploy',
  deploy: 'deploy',
  deleted: 'delete',
  undeploy: 'delete',
  manage: 'manage',
  provide: 'provide',
  inspect: 'inspect',
  abort: 'abort',
  clean: 'clean',
  adopt: 'adopt',
  rescue: 'rescue',
  unrescue: 'unrescue',
  unhold: 'unhold',
  service: 'service',
  rebuild: 'rebuild',
};

/** "from|event|to", sorted. */
export function ironicMoves(): string[] {
  return IRONIC_MOVES.trim()
    .split('\n')
    .flatMap((line) => {
      const [from = '', moves = ''] = line.split(': ');
      return moves.split(', ').map((move) => [from, ...move.split(' > ')].join('|'));
    })
    .toSorted();
}

function words(text: string): string[] {
  return text.split(',').map((word) => word.trim());
}
