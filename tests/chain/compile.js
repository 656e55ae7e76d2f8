// Compiles the contracts of this test: `node compile.js SOURCES OUT`, where OUT gets {NAME: {abi, bytecode}}.
// Run with NODE_PATH at the folder that npm installed solc into.
"use strict";
const fs = require("fs");
const path = require("path");
const solc = require("solc");

const [folder, out] = process.argv.slice(2);
const sources = {};
for (const file of fs.readdirSync(folder).filter((name) => name.endsWith(".sol"))) {
    sources[file] = { content: fs.readFileSync(path.join(folder, file), "utf8") };
}
const input = {
    language: "Solidity",
    sources,
    settings: {
        // The chain's hardfork: the last in which gas may cost nothing.
        evmVersion: "berlin",
        optimizer: { enabled: true, runs: 200 },
        outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "evm.methodIdentifiers"] } },
    },
};
const output = JSON.parse(solc.compile(JSON.stringify(input)));
const complaints = output.errors || [];
for (const complaint of complaints) {
    process.stderr.write(complaint.formattedMessage);
}
if (complaints.length > 0) {
    process.exit(1);
}
const contracts = {};
for (const file of Object.values(output.contracts)) {
    for (const [name, contract] of Object.entries(file)) {
        contracts[name] = {
            abi: contract.abi,
            bytecode: contract.evm.bytecode.object,
            functions: contract.evm.methodIdentifiers,
        };
    }
}
fs.writeFileSync(out, JSON.stringify(contracts));
