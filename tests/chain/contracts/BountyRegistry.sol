// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

interface IToken {
    function transfer(address recipient, uint256 amount) external returns (bool);
    function transferFrom(address sender, address recipient, uint256 amount) external returns (bool);
}

/// A registry of bounties with the functions and events of PolySwarm's BountyRegistry 1.6, and its rules of
/// settlement, written anew for tests. Arbiters and their stakes are given at the start.
contract BountyRegistry {
    event NewBounty(
        uint128 guid, uint256 artifactType, address author, uint256 amount, string artifactURI,
        uint256 expirationBlock, string metadata
    );
    event NewAssertion(
        uint128 bountyGuid, address author, uint256 index, uint256[] bid, uint256 mask, uint256 numArtifacts,
        uint256 commitment
    );
    event RevealedAssertion(
        uint128 bountyGuid, address author, uint256 index, uint256 nonce, uint256 verdicts, uint256 numArtifacts,
        string metadata
    );
    event NewVote(uint128 bountyGuid, uint256 votes, uint256 numArtifacts, address voter);
    event QuorumReached(uint128 bountyGuid);
    event SettledBounty(uint128 bountyGuid, address settler, uint256 payout);
    event FeesUpdated(uint256 bountyFee, uint256 assertionFee);
    event WindowsUpdated(uint256 assertionRevealWindow, uint256 arbiterVoteWindow);

    uint256 public constant BOUNTY_AMOUNT_MINIMUM = 1 ether / 16;
    uint256 public constant ASSERTION_BID_ARTIFACT_MINIMUM = 1 ether / 16;
    uint256 public constant ASSERTION_BID_ARTIFACT_MAXIMUM = 1 ether;
    uint256 public constant MAX_DURATION = 100;
    uint256 public constant ARTIFACTS_MAX = 256;
    /// A chain remembers the hashes of this many blocks.
    uint256 private constant HASHES_KEPT = 256;

    struct Bounty {
        address author;
        uint256 amount;
        uint256 numArtifacts;
        uint256 expirationBlock;
        address assignedArbiter;
        bool quorumReached;
        uint256 quorumMask;
    }

    struct Assertion {
        address author;
        uint256 mask;
        uint256 commitment;
        uint256 nonce;
        uint256 verdicts;
        uint256[] bid;
    }

    struct Vote {
        address author;
        uint256 votes;
    }

    /// The bids on one artifact, by who was right.
    struct Pools {
        uint256 right;
        uint256 wrong;
        bool touched;
    }

    IToken public immutable token;
    address public immutable owner;
    uint256 public bountyFee = 1 ether / 16;
    uint256 public assertionFee = 1 ether / 32;
    uint256 public immutable assertionRevealWindow;
    uint256 public immutable arbiterVoteWindow;
    uint256 public immutable arbiterCount;
    mapping(address => uint256) public stakeOf;

    mapping(uint128 => Bounty) public bountiesByGuid;
    mapping(uint128 => Assertion[]) private assertions;
    mapping(uint128 => Vote[]) private votesOf;
    mapping(uint128 => mapping(uint256 => uint256)) private maliciousVotes;
    mapping(uint128 => mapping(address => bool)) private hasAsserted;
    mapping(uint128 => mapping(address => bool)) private hasVoted;
    mapping(uint128 => mapping(address => bool)) private hasSettled;

    constructor(IToken token_, uint256 revealWindow, uint256 voteWindow, address[] memory arbiters, uint256[] memory stakes) {
        require(arbiters.length == stakes.length, "a stake for each arbiter");
        token = token_;
        owner = msg.sender;
        assertionRevealWindow = revealWindow;
        arbiterVoteWindow = voteWindow;
        arbiterCount = arbiters.length;
        for (uint256 i = 0; i < arbiters.length; i++) {
            stakeOf[arbiters[i]] = stakes[i];
        }
        emit WindowsUpdated(revealWindow, voteWindow);
    }

    function setFees(uint256 bountyFee_, uint256 assertionFee_) external {
        require(msg.sender == owner, "only the owner sets fees");
        bountyFee = bountyFee_;
        assertionFee = assertionFee_;
        emit FeesUpdated(bountyFee_, assertionFee_);
    }

    function postBounty(
        uint128 guid, uint256 artifactType, uint256 amount, string calldata artifactURI, uint256 numArtifacts,
        uint256 durationBlocks, uint256[8] calldata, string calldata metadata
    ) external {
        require(bountiesByGuid[guid].author == address(0), "this guid is taken");
        require(amount >= BOUNTY_AMOUNT_MINIMUM, "the amount is below the minimum");
        require(numArtifacts > 0 && numArtifacts <= ARTIFACTS_MAX, "a bounty holds 1 to 256 artifacts");
        require(durationBlocks > 0 && durationBlocks <= MAX_DURATION, "the duration is not 1 to 100 blocks");
        take(amount + bountyFee);
        Bounty storage bounty = bountiesByGuid[guid];
        bounty.author = msg.sender;
        bounty.amount = amount;
        bounty.numArtifacts = numArtifacts;
        bounty.expirationBlock = block.number + durationBlocks;
        emit NewBounty(guid, artifactType, msg.sender, amount, artifactURI, bounty.expirationBlock, metadata);
    }

    function postAssertion(uint128 guid, uint256[] calldata bid, uint256 mask, uint256 commitment) external {
        Bounty storage bounty = existing(guid);
        require(block.number < bounty.expirationBlock, "assertions are over");
        require(!hasAsserted[guid][msg.sender], "one assertion for each account");
        require(commitment != 0, "no commitment");
        require(bid.length == countBits(mask), "a bid for each artifact in the mask");
        uint256 sum = 0;
        for (uint256 i = 0; i < bid.length; i++) {
            require(
                bid[i] >= ASSERTION_BID_ARTIFACT_MINIMUM && bid[i] <= ASSERTION_BID_ARTIFACT_MAXIMUM,
                "a bid is out of bounds"
            );
            sum += bid[i];
        }
        take(sum + assertionFee);
        hasAsserted[guid][msg.sender] = true;
        uint256 index = assertions[guid].length;
        assertions[guid].push(Assertion(msg.sender, mask, commitment, 0, 0, bid));
        emit NewAssertion(guid, msg.sender, index, bid, mask, bounty.numArtifacts, commitment);
    }

    function revealAssertion(
        uint128 guid, uint256 index, uint256 nonce, uint256 verdicts, string calldata metadata
    ) external {
        Bounty storage bounty = existing(guid);
        require(block.number >= bounty.expirationBlock, "the reveal has not begun");
        require(block.number < bounty.expirationBlock + assertionRevealWindow, "the reveal is over");
        require(index < assertions[guid].length, "no such assertion");
        Assertion storage assertion = assertions[guid][index];
        require(assertion.author == msg.sender, "another's assertion");
        require(assertion.nonce == 0, "revealed already");
        require(nonce != 0, "no nonce");
        uint256 secret = verdicts ^ hashOf(nonce) ^ uint256(uint160(msg.sender));
        require(hashOf(secret) == assertion.commitment, "not what was committed to");
        assertion.nonce = nonce;
        assertion.verdicts = verdicts;
        emit RevealedAssertion(guid, msg.sender, index, nonce, verdicts, bounty.numArtifacts, metadata);
    }

    function voteOnBounty(uint128 guid, uint256 votes, bool) external {
        Bounty storage bounty = existing(guid);
        require(stakeOf[msg.sender] > 0, "only arbiters vote");
        require(!hasVoted[guid][msg.sender], "one vote for each arbiter");
        uint256 start = bounty.expirationBlock + assertionRevealWindow;
        require(block.number >= start, "the vote has not begun");
        require(block.number < start + arbiterVoteWindow, "the vote is over");
        hasVoted[guid][msg.sender] = true;
        votesOf[guid].push(Vote(msg.sender, votes));
        emit NewVote(guid, votes, bounty.numArtifacts, msg.sender);
        count(guid, bounty, votes);
    }

    /// An artifact's malicious votes are counted until those who have not voted cannot turn it any more.
    function count(uint128 guid, Bounty storage bounty, uint256 votes) private {
        uint256 voted = votesOf[guid].length;
        uint256 reached = bounty.quorumMask;
        for (uint256 artifact = 0; artifact < bounty.numArtifacts; artifact++) {
            if (bit(reached, artifact)) continue;
            uint256 malicious = maliciousVotes[guid][artifact];
            if (bit(votes, artifact)) maliciousVotes[guid][artifact] = ++malicious;
            uint256 benign = voted - malicious;
            if (malicious >= arbiterCount - malicious || benign > arbiterCount - benign) {
                reached |= 1 << artifact;
            }
        }
        bounty.quorumMask = reached;
        if (!bounty.quorumReached && (voted == arbiterCount || countBits(reached) == bounty.numArtifacts)) {
            bounty.quorumReached = true;
            emit QuorumReached(guid);
        }
    }

    function settleBounty(uint128 guid) external {
        Bounty storage bounty = existing(guid);
        uint256 end = bounty.expirationBlock + assertionRevealWindow + arbiterVoteWindow;
        bool isArbiter = stakeOf[msg.sender] > 0;
        require(block.number >= end || (bounty.quorumReached && !isArbiter), "the bounty is not over");
        require(!hasSettled[guid][msg.sender], "settled already");
        hasSettled[guid][msg.sender] = true;
        (uint256 refund, uint256[] memory payouts, uint256 rest) = shares(guid, bounty);
        uint256 payout = 0;
        bool takesPart = false;
        if (isArbiter) {
            if (bounty.assignedArbiter == address(0)) bounty.assignedArbiter = draw(guid, end);
            takesPart = true;
            if (bounty.assignedArbiter == msg.sender) payout += rest;
        }
        if (bounty.author == msg.sender) {
            takesPart = true;
            payout += refund;
        }
        for (uint256 i = 0; i < payouts.length; i++) {
            if (assertions[guid][i].author != msg.sender) continue;
            takesPart = true;
            payout += payouts[i];
        }
        require(takesPart, "no part in this bounty");
        if (payout > 0) require(token.transfer(msg.sender, payout), "the token refuses");
        emit SettledBounty(guid, msg.sender, payout);
    }

    /// One of those who voted, drawn by stake; the caller, when the chain has forgotten the hash to draw by.
    function draw(uint128 guid, uint256 end) private view returns (address) {
        if (block.number - end >= HASHES_KEPT || block.number == end) return msg.sender;
        Vote[] storage votes = votesOf[guid];
        uint256 sum = 0;
        for (uint256 i = 0; i < votes.length; i++) sum += stakeOf[votes[i].author];
        uint256 drawn = uint256(keccak256(abi.encode(guid, blockhash(end)))) % sum;
        uint256 place = 0;
        while (drawn >= stakeOf[votes[place].author]) drawn -= stakeOf[votes[place++].author];
        return votes[place].author;
    }

    /// What the ambassador, each expert, and the arbiter who is drawn get.
    function shares(uint128 guid, Bounty storage bounty)
        private view returns (uint256 refund, uint256[] memory payouts, uint256 rest)
    {
        Assertion[] storage all = assertions[guid];
        payouts = new uint256[](all.length);
        rest = bounty.amount + bountyFee;
        for (uint256 i = 0; i < all.length; i++) rest += assertionFee + bidsOf(all[i]);
        bool isVoted = votesOf[guid].length > 0;
        if (all.length == 0) {
            refund = bounty.amount + (isVoted ? 0 : bountyFee);
        } else if (!isVoted) {
            refund = bountyFee;
            uint256 part = bounty.amount / bounty.numArtifacts / all.length;
            for (uint256 i = 0; i < all.length; i++) {
                payouts[i] = assertionFee + bidsOf(all[i]) + part * all[i].bid.length;
            }
        } else {
            for (uint256 artifact = 0; artifact < bounty.numArtifacts; artifact++) {
                refund += share(guid, bounty, artifact, payouts);
            }
        }
        rest -= refund;
        for (uint256 i = 0; i < payouts.length; i++) rest -= payouts[i];
    }

    /// Adds what each expert gets for one artifact; returns what goes back to the ambassador.
    function share(uint128 guid, Bounty storage bounty, uint256 artifact, uint256[] memory payouts)
        private view returns (uint256)
    {
        uint256 part = bounty.amount / bounty.numArtifacts;
        bool truth = maliciousVotes[guid][artifact] >= votesOf[guid].length - maliciousVotes[guid][artifact];
        Pools memory pools = poolsOf(guid, artifact, truth);
        if (!pools.touched) return part;
        for (uint256 i = 0; i < payouts.length; i++) {
            Assertion storage assertion = assertions[guid][i];
            if (!bit(assertion.mask, artifact) || !isRight(assertion, artifact, truth)) continue;
            uint256 bid = bidOn(assertion, artifact);
            payouts[i] += bid + bid * pools.wrong / pools.right + bid * part / pools.right;
        }
        return 0;
    }

    function poolsOf(uint128 guid, uint256 artifact, bool truth) private view returns (Pools memory pools) {
        Assertion[] storage all = assertions[guid];
        for (uint256 i = 0; i < all.length; i++) {
            if (!bit(all[i].mask, artifact)) continue;
            pools.touched = true;
            if (isRight(all[i], artifact, truth)) pools.right += bidOn(all[i], artifact);
            else pools.wrong += bidOn(all[i], artifact);
        }
    }

    function getNumberOfAssertions(uint128 guid) external view returns (uint256) {
        return assertions[guid].length;
    }

    function existing(uint128 guid) private view returns (Bounty storage bounty) {
        bounty = bountiesByGuid[guid];
        require(bounty.author != address(0), "no such bounty");
    }

    function take(uint256 amount) private {
        require(token.transferFrom(msg.sender, address(this), amount), "the token refuses");
    }

    /// An assertion that was not revealed is wrong.
    function isRight(Assertion storage assertion, uint256 artifact, bool truth) private view returns (bool) {
        return assertion.nonce != 0 && bit(assertion.verdicts, artifact) == truth;
    }

    function bidsOf(Assertion storage assertion) private view returns (uint256 sum) {
        for (uint256 i = 0; i < assertion.bid.length; i++) sum += assertion.bid[i];
    }

    /// Bids are in the order of the bits of the mask.
    function bidOn(Assertion storage assertion, uint256 artifact) private view returns (uint256) {
        return assertion.bid[countBits(assertion.mask & ((1 << artifact) - 1))];
    }

    function hashOf(uint256 number) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(number)));
    }

    function bit(uint256 bits, uint256 place) private pure returns (bool) {
        return (bits >> place) & 1 == 1;
    }

    function countBits(uint256 bits) private pure returns (uint256 number) {
        for (; bits != 0; bits &= bits - 1) number++;
    }
}
