//! Functions and events of the token and of the versions of BountyRegistry, as Solidity declares them.
//!
//! The registry's present ones are in [`registry`]; each other module holds what older versions spelled otherwise.

#![allow(missing_docs, unreachable_pub, clippy::too_many_arguments)]

/// The token (ERC-20).
pub(crate) mod token {
    alloy_sol_types::sol! {
        function approve(address spender, uint256 amount);
        function transfer(address recipient, uint256 amount);
        function transferFrom(address sender, address recipient, uint256 amount);
        function balanceOf(address account);
        function allowance(address owner, address spender);

        event Transfer(address indexed from, address indexed to, uint256 amount);
        event Approval(address indexed owner, address indexed spender, uint256 amount);
    }
}

/// BountyRegistry 1.5.0 to 1.6.1, and what of it is older.
pub(crate) mod registry {
    alloy_sol_types::sol! {
        function postBounty(
            uint128 guid, uint256 artifactType, uint256 amount, string uri, uint256 numArtifacts, uint256 duration,
            uint256[8] bloom, string metadata
        );
        function postAssertion(uint128 guid, uint256[] bid, uint256 mask, uint256 commitment);
        function revealAssertion(uint128 guid, uint256 index, uint256 nonce, uint256 verdicts, string metadata);
        function voteOnBounty(uint128 guid, uint256 votes, bool validBloom);
        function settleBounty(uint128 guid);

        event NewBounty(
            uint128 guid, uint256 artifactType, address author, uint256 amount, string uri, uint256 expiration,
            string metadata
        );
        event NewAssertion(
            uint128 guid, address author, uint256 index, uint256[] bid, uint256 mask, uint256 numArtifacts,
            uint256 commitment
        );
        event RevealedAssertion(
            uint128 guid, address author, uint256 index, uint256 nonce, uint256 verdicts, uint256 numArtifacts,
            string metadata
        );
        event NewVote(uint128 guid, uint256 votes, uint256 numArtifacts, address voter);
        event QuorumReached(uint128 guid);
        event SettledBounty(uint128 guid, address settler, uint256 payout);
        event FeesUpdated(uint256 bountyFee, uint256 assertionFee);
        event WindowsUpdated(uint256 assertionRevealWindow, uint256 arbiterVoteWindow);
        event Deprecated(bool rollover);
        event Undeprecated();
    }
}

/// One bid for all artifacts (up to 1.3.0); `Deprecated` with the address that did it (1.3.0).
pub(crate) mod one_bid {
    alloy_sol_types::sol! {
        function postAssertion(uint128 guid, uint256 bid, uint256 mask, uint256 commitment);

        event NewAssertion(
            uint128 guid, address author, uint256 index, uint256 bid, uint256 mask, uint256 numArtifacts,
            uint256 commitment
        );
        event Deprecated(address indexed deprecatedBy);
    }
}

/// An amount for each artifact (1.4.1, withdrawn soon); `Deprecated` with nothing (1.4.0).
pub(crate) mod artifact_amounts {
    alloy_sol_types::sol! {
        function postBounty(
            uint128 guid, uint256 artifactType, uint256[] amount, string uri, uint256 numArtifacts, uint256 duration,
            uint256[8] bloom, string metadata
        );

        event Deprecated();
    }
}

/// Bounties without metadata (1.2.0).
pub(crate) mod uri_only {
    alloy_sol_types::sol! {
        function postBounty(
            uint128 guid, uint256 artifactType, uint256 amount, string uri, uint256 numArtifacts, uint256 duration,
            uint256[8] bloom
        );

        event NewBounty(
            uint128 guid, uint256 artifactType, address author, uint256 amount, string uri, uint256 expiration
        );
    }
}

/// Bounties of files only (1.0.0).
pub(crate) mod without_type {
    alloy_sol_types::sol! {
        function postBounty(
            uint128 guid, uint256 amount, string uri, uint256 numArtifacts, uint256 duration, uint256[8] bloom
        );

        event NewBounty(uint128 guid, address author, uint256 amount, string uri, uint256 expiration);
    }
}
