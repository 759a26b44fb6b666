Feature: Early events
  An event may come before the wait for it begins. It is still heard when it came in the last five minutes and after
  the execution began. However often it comes, and however many waits there are, an execution hears it once.

  Scenario Outline: Just before the wait, and long before it
    Given the workflow "late":
      """
      do:
        - rest: {wait: {minutes: 20}}
        - paid: {listen: {to: {one: {with: {type: com.shop.paid}}}}}
      """
    When "late" is started for "ada"
    And <minutes> minutes pass
    And the event "com.shop.paid" about "ada" comes with: {n: 1}
    And 1 hour passes
    Then the execution for "ada" <ending>

    Examples:
      | minutes | ending                       |
      | 20      | has completed with: [{n: 1}] |
      | 19      | has completed with: [{n: 1}] |
      | 16      | has completed with: [{n: 1}] |
      | 14      | is waiting                   |
      | 1       | is waiting                   |

  Scenario: Not what came before the execution began
    Given the workflow "prompt":
      """
      do:
        - paid: {listen: {to: {one: {with: {type: com.shop.paid}}}}}
      """
    When "prompt" is started for "ada"
    And the event "com.shop.paid" about "ada" comes with: {n: 1}
    Then the execution for "ada" has completed with: [{n: 1}]
    When 10 seconds pass
    And "prompt" is started for "bob"
    And the event "com.shop.paid" about "bob" comes with: {n: 2}
    And 10 seconds pass
    And "prompt" is started for "bob"
    Then "prompt" was started twice for "bob"
    And the executions of "prompt" are: completed, completed, waiting

  Scenario: Not a repeat of what came before the execution began
    Given the workflow "prompt":
      """
      do:
        - paid: {listen: {to: {one: {with: {type: com.shop.paid}}}}}
      """
    When "prompt" is started for "ada"
    And the event "com.shop.paid" with the id "p1" about "ada" comes with: {n: 1}
    And 10 seconds pass
    And "prompt" is started for "ada"
    And the event "com.shop.paid" with the id "p1" about "ada" comes again with: {n: 1}
    Then the executions of "prompt" are: completed, waiting

  Scenario: Not the event that started it
    Given the workflow "greet":
      """
      schedule:
        on:
          one: {with: {type: com.shop.visited}}
      do:
        - again: {listen: {to: {one: {with: {type: com.shop.visited}}}}}
      """
    When the event "com.shop.visited" about "ada" comes with: {n: 1}
    Then the execution for "ada" is waiting

  Scenario: A correlated event that is early
    Given the workflow "parcel":
      """
      do:
        - rest: {wait: {minutes: 2}}
        - shipped:
            listen:
              to:
                one:
                  with: {type: com.shop.shipped}
                  correlate: {order: {from: .data.order, expect: '${ .number }'}}
      """
    When "parcel" is started for "ada" with: {number: 1}
    And "parcel" is started for "bob" with: {number: 2}
    And 1 minute passes
    And the event "com.shop.shipped" comes with: {order: 2}
    And 1 minute passes
    Then the execution for "bob" has completed with: [{order: 2}]
    And the execution for "ada" is waiting

  Scenario: Early events are heard in the order in which they came
    Given the workflow "readings":
      """
      do:
        - rest: {wait: {minutes: 2}}
        - values:
            listen:
              to:
                any:
                  - with: {type: com.shop.reading}
                until: length == 3
      """
    When "readings" is started for "ada"
    And 1 second passes
    And the event "com.shop.reading" about "ada" comes with: {n: 1}
    And 1 second passes
    And the event "com.shop.reading" about "ada" comes with: {n: 2}
    And 2 minutes pass
    And the event "com.shop.reading" about "ada" comes with: {n: 3}
    Then the execution for "ada" has completed with: [{n: 1}, {n: 2}, {n: 3}]

  Scenario Outline: An event that comes twice counts once
    Given the workflow "votes":
      """
      do:
        - both:
            listen:
              to:
                all:
                  - with: {type: com.shop.vote}
                  - with: {type: com.shop.vote}
      """
    When "votes" is started for "ada"
    And the event "com.shop.vote" with the id "v1" from "/hall/1" about "ada" comes with: {n: 1}
    And <pause> pass
    And the event "com.shop.vote" with the id "<id>" from "<source>" about "ada" comes again with: {n: 2}
    Then the execution for "ada" <ending>

    Examples:
      | pause     | id | source  | ending                               |
      | 0 seconds | v1 | /hall/1 | is waiting                           |
      | 71 hours  | v1 | /hall/1 | is waiting                           |
      | 0 seconds | v2 | /hall/1 | has completed with: [{n: 1}, {n: 2}] |
      | 0 seconds | v1 | /hall/2 | has completed with: [{n: 1}, {n: 2}] |

  Scenario: One wait's event is not the next one's
    Given the workflow "twice":
      """
      do:
        - first: {listen: {to: {one: {with: {type: com.shop.paid}}}}}
        - second: {listen: {to: {one: {with: {type: com.shop.paid}}}}}
      """
    When "twice" is started for "ada"
    And the event "com.shop.paid" with the id "p1" about "ada" comes with: {n: 1}
    And the event "com.shop.paid" with the id "p1" about "ada" comes again with: {n: 1}
    Then the execution for "ada" is waiting
    When the event "com.shop.paid" with the id "p2" about "ada" comes with: {n: 2}
    Then the execution for "ada" has completed with: [{n: 2}]

  Scenario: An early event outlives the death of the engine
    Given the workflow "late":
      """
      do:
        - rest: {wait: {minutes: 2}}
        - paid: {listen: {to: {one: {with: {type: com.shop.paid}}}}}
      """
    When "late" is started for "ada"
    And the event "com.shop.paid" about "ada" comes with: {n: 1}
    And the engine is down for 3 minutes
    Then the execution for "ada" has completed with: [{n: 1}]
