Feature: Correlation
  A `listen` with `correlate` picks out the events that belong to its execution, whoever they are about. With `expect`
  it knows the value beforehand; without, the first event teaches it. Without `correlate` an execution hears the
  events about its own subject, or, when it has none, about everybody.

  Background:
    Given the workflow "order":
      """
      do:
        - shipped:
            listen:
              to:
                one:
                  with: {type: com.shop.shipped}
                  correlate:
                    order: {from: .data.order, expect: '${ .number }'}
      """

  Scenario: Each execution takes the event with its own number
    When "order" is started for "ada" with: {number: 1}
    And "order" is started for "bob" with: {number: 2}
    And the event "com.shop.shipped" comes with: {order: 2}
    Then the execution for "bob" has completed with: [{order: 2}]
    And the execution for "ada" is waiting
    When the event "com.shop.shipped" comes with: {order: 1}
    Then the execution for "ada" has completed with: [{order: 1}]

  Scenario Outline: Whoever the event is about
    When "order" is started for "ada" with: {number: 1}
    And the event <event> comes with: <data>
    Then the execution for "ada" <ending>

    Examples:
      | event                          | data          | ending                             |
      | "com.shop.shipped"             | {order: 1}    | has completed with: [{order: 1}]   |
      | "com.shop.shipped" about "ada" | {order: 1}    | has completed with: [{order: 1}]   |
      | "com.shop.shipped" about "bob" | {order: 1}    | has completed with: [{order: 1}]   |
      | "com.shop.shipped" about "ada" | {order: 2}    | is waiting                         |
      | "com.shop.shipped"             | {order: "1"}  | is waiting                         |
      | "com.shop.shipped"             | {order: 1.0}  | has completed with: [{order: 1.0}] |
      | "com.shop.shipped"             | {order: null} | is waiting                         |
      | "com.shop.shipped"             | {parcel: 1}   | is waiting                         |

  Scenario: One event reaches all who wait for it
    When "order" is started for "ada" with: {number: 1}
    And "order" is started for "bob" with: {number: 1}
    And the event "com.shop.shipped" comes with: {order: 1}
    Then the execution for "ada" has completed with: [{order: 1}]
    And the execution for "bob" has completed with: [{order: 1}]

  Scenario Outline: The expected value may be a literal
    Given the workflow "watch":
      """
      do:
        - shipped:
            listen:
              to:
                one:
                  with: {type: com.shop.shipped}
                  correlate:
                    carrier: {from: .data.carrier, expect: dhl}
      """
    When "watch" is started for "ada"
    And the event "com.shop.shipped" comes with: {carrier: <carrier>}
    Then the execution for "ada" <ending>

    Examples:
      | carrier | ending                              |
      | dhl     | has completed with: [{carrier: dhl}] |
      | ups     | is waiting                          |

  Scenario: Without an expected value the first event teaches it
    Given the workflow "visit":
      """
      do:
        - room:
            listen:
              to:
                all:
                  - with: {type: com.shop.entered}
                    correlate: {room: {from: .data.room}}
                  - with: {type: com.shop.left}
                    correlate: {room: {from: .data.room}}
      """
    When "visit" is started for "ada"
    And the event "com.shop.entered" comes with: {room: red}
    And the event "com.shop.left" comes with: {room: blue}
    Then the execution for "ada" is waiting
    When the event "com.shop.left" comes with: {room: red}
    Then the execution for "ada" has completed with: [{room: red}, {room: red}]

  Scenario: What one filter expects holds for the same name in all of them
    Given the workflow "visit":
      """
      do:
        - room:
            listen:
              to:
                all:
                  - with: {type: com.shop.entered}
                    correlate: {room: {from: .data.room, expect: '${ .room }'}}
                  - with: {type: com.shop.left}
                    correlate: {room: {from: .data.place}}
      """
    When "visit" is started for "ada" with: {room: red}
    And the event "com.shop.left" comes with: {place: blue}
    And the event "com.shop.entered" comes with: {room: red}
    Then the execution for "ada" is waiting
    When the event "com.shop.left" comes with: {place: red}
    Then the execution for "ada" has completed with: [{room: red}, {place: red}]

  Scenario: Several values must all be the same
    Given the workflow "visit":
      """
      do:
        - room:
            listen:
              to:
                one:
                  with: {type: com.shop.entered}
                  correlate:
                    room: {from: .data.room, expect: '${ .room }'}
                    floor: {from: .data.floor, expect: '${ 3 }'}
      """
    When "visit" is started for "ada" with: {room: red}
    And the event "com.shop.entered" comes with: {room: red, floor: 2}
    And the event "com.shop.entered" comes with: {room: blue, floor: 3}
    Then the execution for "ada" is waiting
    When the event "com.shop.entered" comes with: {room: red, floor: 3}
    Then the execution for "ada" has completed with: [{room: red, floor: 3}]

  Scenario: Without correlation an execution hears the events about its own subject alone
    Given the workflow "reply":
      """
      do:
        - replied: {listen: {to: {one: {with: {type: com.shop.replied}}}}}
      """
    When "reply" is started for "ada"
    And "reply" is started for "bob"
    And the event "com.shop.replied" about "bob" comes with: {n: 1}
    And the event "com.shop.replied" comes with: {n: 2}
    Then the execution for "ada" is waiting
    And the execution for "bob" has completed with: [{n: 1}]

  Scenario Outline: An execution without a subject hears the events about everybody
    Given the workflow "reply":
      """
      do:
        - replied: {listen: {to: {one: {with: {type: com.shop.replied}}}}}
      """
    When "reply" is started
    And the event <event> comes with: {n: 1}
    Then the execution has completed with: [{n: 1}]

    Examples:
      | event                          |
      | "com.shop.replied"             |
      | "com.shop.replied" about "ada" |

  Scenario: A filter may name another subject
    Given the workflow "delegate":
      """
      do:
        - signed: {listen: {to: {one: {with: {type: com.shop.signed, subject: '${ $input.boss }'}}}}}
      """
    When "delegate" is started for "ada" with: {boss: bob}
    And the event "com.shop.signed" about "ada" comes with: {n: 1}
    And the event "com.shop.signed" about "cyd" comes with: {n: 2}
    Then the execution for "ada" is waiting
    When the event "com.shop.signed" about "bob" comes with: {n: 3}
    Then the execution for "ada" has completed with: [{n: 3}]

  Scenario: Beside a filter that hears everybody, one without correlation still hears its own subject alone
    Given the workflow "pair":
      """
      do:
        - both:
            listen:
              to:
                all:
                  - with: {type: com.shop.replied}
                  - with: {type: com.shop.replied}
                    correlate: {order: {from: .data.order, expect: '${ .number }'}}
      """
    When "pair" is started for "ada" with: {number: 1}
    And the event "com.shop.replied" about "bob" comes with: {order: 1, by: bob}
    Then the execution for "ada" is waiting
    When the event "com.shop.replied" about "bob" comes with: {order: 1, by: bob again}
    Then the execution for "ada" is waiting
    When the event "com.shop.replied" about "ada" comes with: {order: 2, by: ada}
    Then the execution for "ada" has completed with: [{order: 1, by: bob}, {order: 2, by: ada}]
