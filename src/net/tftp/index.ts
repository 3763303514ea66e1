// The door of net/tftp.

export { decode, encode, TFTP_ERROR, type TftpOptions, type TftpPacket } from './codec.ts';
export { TFTP_ERRORS } from './errors.ts';
export { type SetSegmentSize, setSegmentSize } from './segment-size.ts';
export {
  createTftpServer,
  TFTP_LIMITS,
  type TftpCounters,
  type TftpLimits,
  type TftpNote,
  type TftpPeer,
  type TftpServer,
  type TftpServerOptions,
} from './server.ts';
export type { TftpFile } from './session.ts';
export { TFTP_TIMING, type TransferTiming } from './transfer.ts';
