// What can go wrong between us and a Proxmox VE API, as data.

import { defineErrors, type ErrorCatalogue } from '../lib/index.ts';

export const PROXMOX_ERRORS = {
  'proxmox.bad_url': { status: 400, about: 'The address is not that of a Proxmox VE API: https, a host, and port 8006 unless told.' },
  'proxmox.bad_fingerprint': { status: 400, about: 'A certificate fingerprint is SHA-256: 32 pairs of hexadecimal digits.' },
  'proxmox.bad_credentials': { status: 400, about: 'A token is USER@REALM!NAME=SECRET; a user is USER@REALM.' },
  'proxmox.unreachable': { status: 502, about: 'Nothing answers at the address, or the connection broke.', retryable: true },
  'proxmox.not_trusted': {
    status: 502,
    about: 'The server shows another certificate or SSH host key than the one that was pinned. Nothing was sent to it.',
  },
  'proxmox.refused': { status: 403, about: 'Proxmox VE does not know the user or token, or a second factor is asked for.' },
  'proxmox.no_permission': { status: 403, about: 'The user or token may not see or do what was asked for.' },
  'proxmox.node_unreachable': {
    status: 502,
    about: 'The node that was asked cannot reach the member of its cluster that the question is about (HTTP 595, 596).',
    retryable: true,
  },
  'proxmox.failed': { status: 502, about: 'Proxmox VE answered with an error of its own.' },
  'proxmox.bad_parameters': {
    status: 400,
    about: 'A call has parameters that the schema of the API or the server does not take. Nothing was done.',
  },
  'proxmox.unknown_call': { status: 500, about: 'A call that is not in our table of the API was asked for. Nothing was sent.' },
  'proxmox.root_only': {
    status: 403,
    about: 'A call is for root on the machine itself: Proxmox VE refuses every API token. Nothing was sent; it goes by pvesh over SSH.',
  },
  'proxmox.no_such_call': { status: 502, about: 'This release of Proxmox VE does not have the call.' },
  'proxmox.answer_lost': {
    status: 502,
    about: 'The connection broke, or time ran out, after a change was asked for: whether it was done is found out by looking.',
    retryable: true,
  },
  'proxmox.task_failed': {
    status: 502,
    about: 'A task on a Proxmox VE node ended with an error. The last lines of its log stand with it.',
  },
  'proxmox.task_lost': {
    status: 502,
    about: 'Nobody can say any more how a task on a Proxmox VE node ended: whether it was done is found out by looking.',
    retryable: true,
  },
  'proxmox.task_timeout': {
    status: 504,
    about: 'A task on a Proxmox VE node did not end within its time. It goes on there: it is not stopped in the middle.',
  },
  'proxmox.closed': { status: 503, about: 'The client of the API was closed while something was asked of it.', retryable: true },
  'proxmox.bad_answer': { status: 502, about: 'The answer is not what Proxmox VE gives for this question, or it is too long.' },
  'proxmox.shell_unreachable': { status: 502, about: 'No SSH connection to the machine could be made. Nothing was run.', retryable: true },
  'proxmox.shell_denied': { status: 403, about: "The machine does not take the appliance's SSH key for root." },
  'proxmox.shell_broke': {
    status: 502,
    about: 'The SSH connection broke while a command was under way: whether it was done is found out by looking.',
    retryable: true,
  },
  'proxmox.shell_timeout': { status: 504, about: 'A command on the machine did not end within its time and was ended.' },
  'proxmox.command_failed': { status: 502, about: 'A command on the machine ended with another code than 0.' },
  'proxmox.bad_command': { status: 400, about: 'A command has no program, a word with NUL, or more words than a shell takes.' },
  'proxmox.file_too_long': { status: 502, about: 'A file of the machine is longer than what is read or written through a shell.' },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(PROXMOX_ERRORS);
