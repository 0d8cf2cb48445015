// What `http-message-signatures` says, for tests/differential. Keys are made at the start and new each
// time; the id of a key is the name of its algorithm.
//
//   {"op":"keys"}     {"ed25519":{"public":PEM,"private":PEM},…,"hmac-sha256":{"secret":BASE64}}
//   {"op":"sign","alg":…,"fields":["@method",…],"params":{"created":…},"message":MESSAGE}
//                     {"headers":{…}}, with `Signature` and `Signature-Input`
//   {"op":"verify","message":MESSAGE}
//                     {"verified":true}
//
// A message is {"method":…,"url":…,"headers":{…}}.

import {
  constants, createHmac, createPublicKey, generateKeyPairSync, randomBytes, sign, timingSafeEqual, verify,
} from 'node:crypto';
import { httpbis } from 'http-message-signatures';
import { answer } from './answer.mjs';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const ed25519 = generateKeyPairSync('ed25519');
const secret = randomBytes(32);

// The library's own signer takes the longest salt that fits, where RFC 9421 wants 64 bytes.
const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 };
const asymmetric = {
  'rsa-pss-sha512': [rsa, 'sha512', pss],
  'rsa-v1_5-sha256': [rsa, 'sha256', { padding: constants.RSA_PKCS1_PADDING }],
  'ecdsa-p256-sha256': [p256, 'sha256', { dsaEncoding: 'ieee-p1363' }],
  'ecdsa-p384-sha384': [p384, 'sha384', { dsaEncoding: 'ieee-p1363' }],
  ed25519: [ed25519, null, {}],
};
const tag = (data) => createHmac('sha256', secret).update(data).digest();

function signer(alg) {
  if (alg === 'hmac-sha256') return { id: alg, alg, sign: async (data) => tag(data) };
  const [{ privateKey }, hash, options] = asymmetric[alg];
  return { id: alg, alg, sign: async (data) => sign(hash, data, { key: privateKey, ...options }) };
}

function verifier(alg) {
  if (alg === 'hmac-sha256') {
    return async (data, given) => given.length === 32 && timingSafeEqual(tag(data), given);
  }
  const [{ publicKey }, hash, options] = asymmetric[alg];
  return async (data, given) => verify(hash, data, { key: publicKey, ...options }, given);
}

await answer({
  keys() {
    const keys = { 'hmac-sha256': { secret: secret.toString('base64') } };
    for (const [alg, [{ privateKey }]] of Object.entries(asymmetric)) {
      keys[alg] = {
        public: createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }),
        private: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      };
    }
    return keys;
  },

  async sign({ alg, fields, params, message }) {
    const times = ['created', 'expires'].filter((name) => name in params);
    const paramValues = { created: null, ...params };
    for (const name of times) paramValues[name] = new Date(params[name] * 1000);
    const config = { key: signer(alg), fields, params: [...Object.keys(params), 'keyid'], paramValues };
    return { headers: (await httpbis.signMessage(config, message)).headers };
  },

  // Time is for the tests of time.
  async verify({ message }) {
    const keyLookup = async ({ keyid }) => ({ id: keyid, verify: verifier(keyid) });
    const config = { keyLookup, tolerance: 1e10, all: true };
    return { verified: await httpbis.verifyMessage(config, message) };
  },
});
