Feature: Policies
  What `document.metadata.tidemill` says holds for a workflow as a whole: whom its events are about, how often somebody
  may enter it, and what ends it. `split` and `pace` of the default catalog share work out by weight and over time.

  Scenario Outline: The ordering key says whom an event is about
    Given the workflow "greet":
      """
      document: {metadata: {tidemill: {orderingKey: '<key>'}}}
      schedule: {on: {one: {with: {type: com.shop.joined}}}}
      do:
        - again: {listen: {to: {one: {with: {type: com.shop.replied}}}}}
      """
    When the event "com.shop.joined" about "ada" comes with: {contact: bob, number: 7}
    And the event "com.shop.replied" about "ada" comes with: {contact: cyd, number: 8}
    Then the execution for "<subject>" is waiting
    When the event "com.shop.replied" about "cyd" comes with: {contact: bob, number: 7}
    Then the execution for "<subject>" has completed with: [{contact: bob, number: 7}]

    Examples:
      | key                            | subject |
      | .data.contact                  | bob     |
      | .data.number                   | 7       |
      | .data.missing // .data.contact | bob     |

  Scenario Outline: Entering again while still inside, and after the end
    Given the workflow "welcome":
      """
      document: {metadata: {tidemill: {reentry: <reentry>}}}
      schedule: {on: {one: {with: {type: com.shop.joined}}}}
      do:
        - rest: {wait: {hours: 1}}
      """
    When the event "com.shop.joined" about "ada" comes
    And 30 minutes pass
    And the event "com.shop.joined" about "ada" comes
    Then "welcome" was started <inside>
    When 2 hours pass
    And the event "com.shop.joined" about "ada" comes
    Then "welcome" was started <after>
    When the event "com.shop.joined" about "bob" comes
    Then "welcome" was started once for "bob"

    Examples:
      | reentry                | inside | after   |
      | always                 | twice  | 3 times |
      | once                   | once   | once    |
      | afterExit              | once   | twice   |
      | {cooldown: {hours: 2}} | once   | twice   |
      | {cooldown: {hours: 3}} | once   | once    |

  Scenario: A cooldown counts from the last entry that was let in
    Given the workflow "welcome":
      """
      document: {metadata: {tidemill: {reentry: {cooldown: {days: 1}}}}}
      schedule: {on: {one: {with: {type: com.shop.joined}}}}
      do:
        - note: {set: {n: 1}}
      """
    When the event "com.shop.joined" about "ada" comes
    And 23 hours pass
    And the event "com.shop.joined" about "ada" comes
    And 2 hours pass
    And the event "com.shop.joined" about "ada" comes
    Then "welcome" was started twice

  Scenario: Once stays once when the engine dies, and in a later version
    Given version 1.0.0 of the workflow "welcome":
      """
      document: {metadata: {tidemill: {reentry: once}}}
      schedule: {on: {one: {with: {type: com.shop.joined}}}}
      do:
        - note: {set: {n: 1}}
      """
    When the event "com.shop.joined" about "ada" comes
    And the engine dies and starts again
    And version 2.0.0 of the workflow "welcome" is published:
      """
      document: {metadata: {tidemill: {reentry: once}}}
      schedule: {on: {one: {with: {type: com.shop.joined}}}}
      do:
        - note: {set: {n: 2}}
      """
    And the event "com.shop.joined" about "ada" comes
    And the event "com.shop.joined" about "bob" comes
    Then "welcome" was started in the versions 1.0.0, 2.0.0
    And "welcome" was started once for "ada"

  Scenario Outline: An event stops whatever is under way
    Given the action "slow:1.0.0" never answers
    And the workflow "order":
      """
      document:
        metadata:
          tidemill:
            stopOn:
              - with: {type: com.shop.left}
                reason: has left
              - with: {type: com.shop.blocked, data: '${ .for == "ever" }'}
      do:
        - work: {<task>}
        - after: {call: 'after:1.0.0', with: {}}
      """
    When "order" is started for "ada"
    And 1 minute passes
    And the event "com.shop.left" about "bob" comes
    Then the execution for "ada" is <meanwhile>
    When the event "com.shop.left" about "ada" comes
    Then the execution for "ada" was cancelled because "has left"
    And the action "after:1.0.0" was called never

    Examples:
      | task                                                                                  | meanwhile |
      | wait: {hours: 1}                                                                      | waiting   |
      | listen: {to: {one: {with: {type: com.shop.paid}}}}                                    | waiting   |
      | call: 'slow:1.0.0', with: {}                                                          | running   |
      | fork: {branches: [{a: {wait: {hours: 1}}}, {b: {wait: {hours: 2}}}]}                  | waiting   |
      | try: [{a: {wait: {hours: 1}}}], catch: {do: [{b: {call: 'after:1.0.0', with: {}}}]}   | waiting   |

  Scenario: The call in flight of what is stopped is cancelled
    Given the action "slow:1.0.0" never answers
    And the workflow "order":
      """
      document: {metadata: {tidemill: {stopOn: [{with: {type: com.shop.left}}]}}}
      do:
        - ask: {call: 'slow:1.0.0', with: {}}
      """
    When "order" is started for "ada"
    And the event "com.shop.left" about "ada" comes
    Then the call of "slow:1.0.0" was cancelled
    And the execution for "ada" was cancelled because "stopped by an event of the type com.shop.left"

  Scenario Outline: What stops is asked of the event's data too
    Given the workflow "order":
      """
      document: {metadata: {tidemill: {stopOn: [{with: {type: com.shop.blocked, data: '${ .for == "ever" }'}, reason: blocked}]}}}
      do:
        - rest: {wait: {hours: 1}}
      """
    When "order" is started for "ada"
    And the event "com.shop.blocked" about "ada" comes with: {for: <how long>}
    Then the execution for "ada" <ending>

    Examples:
      | how long | ending                          |
      | ever     | was cancelled because "blocked" |
      | a day    | is waiting                      |

  Scenario: An event stops the parent and its children, also those that do not listen to it themselves
    Given the action "slow:1.0.0" never answers
    And the workflow "child":
      """
      do:
        - ask: {call: 'slow:1.0.0', with: {}}
      """
    And the workflow "parent":
      """
      document: {metadata: {tidemill: {stopOn: [{with: {type: com.shop.left}, reason: has left}]}}}
      do:
        - run: {run: {workflow: {namespace: shop, name: child, version: latest}}}
      """
    When "parent" is started for "ada"
    And the event "com.shop.left" about "ada" comes
    Then the execution of "parent" was cancelled because "has left"
    And the execution of "child" was cancelled
    And the call of "slow:1.0.0" was cancelled

  Scenario: An event stops a child alone, and its parent hears of it as of an error
    Given the workflow "child":
      """
      document: {metadata: {tidemill: {stopOn: [{with: {type: com.shop.left}, reason: has left}]}}}
      do:
        - rest: {wait: {hours: 1}}
      """
    And the workflow "parent":
      """
      do:
        - guarded:
            try: [{run: {run: {workflow: {namespace: shop, name: child, version: latest}}}}]
            catch: {do: [{note: {set: {status: '${ $error.status }'}}}]}
      """
    When "parent" is started for "ada"
    And the event "com.shop.left" about "ada" comes
    Then the execution of "child" was cancelled because "has left"
    And the execution of "parent" has completed with: {status: 500}

  Scenario: What stops comes before a wait for the same event
    Given the workflow "order":
      """
      document: {metadata: {tidemill: {stopOn: [{with: {type: com.shop.left}, reason: has left}]}}}
      do:
        - hear: {listen: {to: {one: {with: {type: com.shop.left}}}}}
      """
    When "order" is started for "ada"
    And the event "com.shop.left" about "ada" comes
    Then the execution for "ada" was cancelled because "has left"

  Scenario: A wait for another event is none of its business
    Given the workflow "order":
      """
      document: {metadata: {tidemill: {stopOn: [{with: {type: com.shop.left}, reason: has left}]}}}
      do:
        - hear: {listen: {to: {one: {with: {type: com.shop.paid}}}}}
      """
    When "order" is started for "ada"
    And the event "com.shop.paid" about "ada" comes with: {n: 1}
    Then the execution for "ada" has completed with: [{n: 1}]

  Scenario: An event stops what waits for its slot
    Given the workflow "mail":
      """
      document: {metadata: {tidemill: {stopOn: [{with: {type: com.shop.left}, reason: has left}]}}}
      do:
        - slot: {call: 'pace:1.0.0@default', with: {limit: 1, per: {minutes: 1}, key: mail}}
        - send: {call: 'send:1.0.0', with: {n: '${ .n }'}}
      """
    When "mail" is started for "ada" with: {n: 1}
    And "mail" is started for "bob" with: {n: 2}
    And "mail" is started for "cyd" with: {n: 3}
    And the event "com.shop.left" about "bob" comes
    Then the execution for "bob" was cancelled because "has left"
    When 10 minutes pass
    Then the action "send:1.0.0" was called in this order with: [{n: 1}, {n: 3}]

  Scenario: A split is the same for a subject, whenever it comes
    Given the workflow "test":
      """
      do:
        - split:
            call: split:1.0.0@default
            with: {branches: [{name: a, weight: 50}, {name: b, weight: 50}]}
        - choose: {call: 'choose:1.0.0', with: {branch: '${ .branch }'}}
      """
    When "test" is started for each of 20 subjects
    And the engine dies and starts again
    And "test" is started for each of 20 subjects
    Then each subject has got the same output every time
    And there are 2 different outputs

  Scenario Outline: A split follows the weights
    Given the workflow "test":
      """
      do:
        - split:
            call: split:1.0.0@default
            with: {branches: [{name: a, weight: <a>}, {name: b, weight: <b>}]}
      """
    When "test" is started for each of 100 subjects
    Then <low> to <high> of the outputs are {branch: a}

    Examples:
      | a  | b  | low | high |
      | 1  | 0  | 100 | 100  |
      | 0  | 1  | 0   | 0    |
      | 50 | 50 | 35  | 65   |
      | 90 | 10 | 80  | 98   |

  Scenario: A pace lets so many go in each period, first come first served
    Given the workflow "mail":
      """
      do:
        - slot: {call: 'pace:1.0.0@default', with: {limit: 2, per: {minutes: 1}, key: mail}}
        - send: {call: 'send:1.0.0', with: {n: '${ .n }'}}
      """
    When "mail" is started for "ada" with: {n: 1}
    And "mail" is started for "bob" with: {n: 2}
    And "mail" is started for "cyd" with: {n: 3}
    And 10 seconds pass
    And "mail" is started for "dan" with: {n: 4}
    And "mail" is started for "eve" with: {n: 5}
    And 5 minutes pass
    Then the action "send:1.0.0" was called 5 times, after 0, 0, 60, 60 and 120 seconds
    And the calls of "send:1.0.0" came, with those of one moment in any order, with: [[{n: 1}, {n: 2}], [{n: 3}, {n: 4}], [{n: 5}]]

  Scenario: Paces of different keys do not hold each other up, those of one key do, whatever the workflow
    Given the workflow "mail":
      """
      do:
        - slot: {call: 'pace:1.0.0@default', with: {limit: 1, per: {minutes: 1}, key: '${ .key }'}}
        - send: {call: 'send:1.0.0', with: {n: '${ .n }'}}
      """
    And the workflow "post":
      """
      do:
        - slot: {call: 'pace:1.0.0@default', with: {limit: 1, per: {minutes: 1}, key: red}}
        - send: {call: 'send:1.0.0', with: {n: '${ .n }'}}
      """
    When "mail" is started for "ada" with: {n: 1, key: red}
    And "mail" is started for "bob" with: {n: 2, key: blue}
    And "post" is started for "cyd" with: {n: 3}
    And 2 minutes pass
    Then the action "send:1.0.0" was called 3 times, after 0, 0 and 60 seconds
    And the action "send:1.0.0" was called in this order with: [{n: 1}, {n: 2}, {n: 3}]

  Scenario: The pace goes on where it was when the engine dies
    Given the workflow "mail":
      """
      do:
        - slot: {call: 'pace:1.0.0@default', with: {limit: 1, per: {minutes: 1}, key: mail}}
        - send: {call: 'send:1.0.0', with: {n: '${ .n }'}}
      """
    When "mail" is started for "ada" with: {n: 1}
    And "mail" is started for "bob" with: {n: 2}
    And the engine dies and starts again
    And "mail" is started for "cyd" with: {n: 3}
    And 5 minutes pass
    Then the action "send:1.0.0" was called 3 times, after 0, 60 and 120 seconds

  Scenario: A long loop gives way to others, and still comes to its end
    Given the workflow "count":
      """
      schedule: {on: {one: {with: {type: com.shop.joined}}}}
      do:
        - each:
            for: {in: '[range(6000)]'}
            do:
              - add: {set: {total: '${ (.total? // 0) + $item }'}}
        - tell: {call: 'total:1.0.0', with: {total: '${ .total }'}}
      """
    And the workflow "greet":
      """
      schedule: {on: {one: {with: {type: com.shop.joined}}}}
      do:
        - greet: {call: 'greet:1.0.0', with: {}}
      """
    When the event "com.shop.joined" about "ada" comes
    Then the actions were called in this order: greet:1.0.0, total:1.0.0
    And the action "total:1.0.0" was called with: {total: 17997000}
