// What can go wrong between us and a Proxmox VE API, as data.

import { defineErrors, type ErrorCatalogue } from '../lib/index.ts';

export const PROXMOX_ERRORS = {
  'proxmox.bad_url': { status: 400, about: 'The address is not that of a Proxmox VE API: https, a host, and port 8006 unless told.' },
  'proxmox.bad_fingerprint': { status: 400, about: 'A certificate fingerprint is SHA-256: 32 pairs of hexadecimal digits.' },
  'proxmox.bad_credentials': { status: 400, about: 'A token is USER@REALM!NAME=SECRET; a user is USER@REALM.' },
  'proxmox.unreachable': { status: 502, about: 'Nothing answers at the address, or the connection broke.', retryable: true },
  'proxmox.not_trusted': {
    status: 502,
    about: 'The server shows another certificate than the one that was pinned. Nothing was sent to it.',
  },
  'proxmox.refused': { status: 403, about: 'Proxmox VE does not know the user or token, or a second factor is asked for.' },
  'proxmox.no_permission': { status: 403, about: 'The user or token may not read what was asked for.' },
  'proxmox.node_unreachable': {
    status: 502,
    about: 'The node that was asked cannot reach the member of its cluster that the question is about (HTTP 595, 596).',
    retryable: true,
  },
  'proxmox.failed': { status: 502, about: 'Proxmox VE answered with an error of its own.' },
  'proxmox.bad_answer': { status: 502, about: 'The answer is not what Proxmox VE gives for this question, or it is too long.' },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(PROXMOX_ERRORS);
