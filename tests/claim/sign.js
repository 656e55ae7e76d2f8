// Signs messages as PolySwarm's recipe does: decrypts the keystore and calls accounts.sign.
//   node sign.js KEYSTORE PASSPHRASE MESSAGES      a JSON object on standard output: address, and a signature for each message
const fs = require('fs');
const Accounts = require('web3-eth-accounts');

const [keystore, passphrase, messages] = process.argv.slice(2).map((path) => fs.readFileSync(path, 'utf8'));
// It is never connected.
const accounts = new Accounts('http://127.0.0.1:1');
const account = accounts.decrypt(JSON.parse(keystore), passphrase.replace(/\n$/, ''));
const signatures = JSON.parse(messages).map((message) => accounts.sign(message, account.privateKey).signature);
console.log(JSON.stringify({ address: account.address, signatures }));
