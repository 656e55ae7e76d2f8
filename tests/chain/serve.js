// A chain on a free port of loopback: `node serve.js FOLDER`, where FOLDER gets its blocks. Prints the port, and ends
// when its standard input does. Run with NODE_PATH at the folder that npm installed ganache into.
"use strict";
const ganache = require("ganache");

const [folder] = process.argv.slice(2);
const server = ganache.server({
    // The last hardfork in which gas may cost nothing, as on PolySwarm's side chain.
    // A transaction that a contract refuses is answered with its reason.
    chain: { chainId: 1337, hardfork: "berlin", vmErrorsOnRPCResponse: true },
    database: { dbPath: folder },
    logging: { quiet: true },
    miner: { blockGasLimit: 50000000, defaultGasPrice: 0 },
    wallet: { deterministic: true, totalAccounts: 1 },
});
server.listen(0, "127.0.0.1", (error) => {
    if (error) {
        throw error;
    }
    process.stdout.write(`${server.address().port}\n`);
});
process.stdin.resume();
process.stdin.on("end", () => server.close().finally(() => process.exit(0)));
