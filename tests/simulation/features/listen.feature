Feature: Listen
  A `listen` task waits for events: for one, for any of several, or for all of them. Its output is an array of what
  they brought. An execution that was started for somebody hears the events about them.

  Scenario: One event ends the wait, and its data is the output
    Given the workflow "order":
      """
      do:
        - paid:
            listen:
              to:
                one: {with: {type: com.shop.paid}}
      """
    When "order" is started for "ada"
    Then the execution for "ada" is waiting
    When the event "com.shop.sent" about "ada" comes with: {amount: 5}
    Then the execution for "ada" is waiting
    When the event "com.shop.paid" about "ada" comes with: {amount: 7}
    Then the execution for "ada" has completed with: [{amount: 7}]

  Scenario Outline: Any of several
    Given the workflow "order":
      """
      do:
        - answer:
            listen:
              to:
                any:
                  - with: {type: com.shop.accepted}
                  - with: {type: com.shop.refused}
      """
    When "order" is started for "ada"
    And the event "<type>" about "ada" comes with: {by: bob}
    Then the execution for "ada" <ending>

    Examples:
      | type              | ending                         |
      | com.shop.accepted | has completed with: [{by: bob}] |
      | com.shop.refused  | has completed with: [{by: bob}] |
      | com.shop.delayed  | is waiting                     |

  Scenario: Any, until a condition holds for all that have come
    Given the workflow "collect":
      """
      do:
        - readings:
            listen:
              to:
                any:
                  - with: {type: com.shop.reading}
                until: map(.value) | add >= 10
      """
    When "collect" is started for "ada"
    And the event "com.shop.reading" about "ada" comes with: {value: 4}
    And the event "com.shop.reading" about "ada" comes with: {value: 5}
    Then the execution for "ada" is waiting
    When the event "com.shop.reading" about "ada" comes with: {value: 1}
    Then the execution for "ada" has completed with: [{value: 4}, {value: 5}, {value: 1}]

  Scenario: Any, until another event comes, which is no part of the output
    Given the workflow "collect":
      """
      do:
        - orders:
            listen:
              to:
                any:
                  - with: {type: com.shop.ordered}
                until:
                  one: {with: {type: com.shop.closed}}
      """
    When "collect" is started for "ada"
    And the event "com.shop.ordered" about "ada" comes with: {item: 1}
    And the event "com.shop.ordered" about "ada" comes with: {item: 2}
    Then the execution for "ada" is waiting
    When the event "com.shop.closed" about "ada" comes with: {at: night}
    Then the execution for "ada" has completed with: [{item: 1}, {item: 2}]

  Scenario: Any, until all of several events have come
    Given the workflow "collect":
      """
      do:
        - orders:
            listen:
              to:
                any:
                  - with: {type: com.shop.ordered}
                until:
                  all:
                    - with: {type: com.shop.closed}
                    - with: {type: com.shop.counted}
      """
    When "collect" is started for "ada"
    And the event "com.shop.counted" about "ada" comes
    And the event "com.shop.ordered" about "ada" comes with: {item: 1}
    Then the execution for "ada" is waiting
    When the event "com.shop.closed" about "ada" comes
    Then the execution for "ada" has completed with: [{item: 1}]

  Scenario Outline: Any of nothing is any event at all
    Given the workflow "curious":
      """
      do:
        - whatever: {listen: {to: {any: []}}}
      """
    When "curious" is started for "ada"
    And the event "<type>" about "bob" comes with: {n: 1}
    Then the execution for "ada" is waiting
    When the event "<type>" about "ada" comes with: {n: 2}
    Then the execution for "ada" has completed with: [{n: 2}]

    Examples:
      | type          |
      | com.shop.paid |
      | anything.else |

  Scenario Outline: All of several, in whatever order they come
    Given the workflow "order":
      """
      do:
        - both:
            listen:
              to:
                all:
                  - with: {type: com.shop.paid}
                  - with: {type: com.shop.packed}
      """
    When "order" is started for "ada"
    And the event "<first>" about "ada" comes with: {n: 1}
    Then the execution for "ada" is waiting
    When the event "<first>" about "ada" comes with: {n: 2}
    Then the execution for "ada" is waiting
    When the event "<second>" about "ada" comes with: {n: 3}
    Then the execution for "ada" has completed with: [{n: 1}, {n: 3}]

    Examples:
      | first           | second          |
      | com.shop.paid   | com.shop.packed |
      | com.shop.packed | com.shop.paid   |

  Scenario: All of several of one type needs as many events
    Given the workflow "jury":
      """
      do:
        - votes:
            listen:
              to:
                all:
                  - with: {type: com.shop.vote}
                  - with: {type: com.shop.vote}
                  - with: {type: com.shop.vote}
      """
    When "jury" is started for "ada"
    And the event "com.shop.vote" about "ada" comes with: {by: x}
    And the event "com.shop.vote" about "ada" comes with: {by: y}
    Then the execution for "ada" is waiting
    When the event "com.shop.vote" about "ada" comes with: {by: z}
    Then the execution for "ada" has completed with: [{by: x}, {by: y}, {by: z}]

  Scenario Outline: What the output holds of each event
    Given the workflow "order":
      """
      do:
        - paid:
            listen:
              to:
                one: {with: {type: com.shop.paid}}
              read: <read>
            output:
              as: <shown>
      """
    When "order" is started for "ada"
    And the event "com.shop.paid" with the id "e1" from "/till" about "ada" comes with: {amount: 7}
    Then the execution for "ada" has completed with: <output>

    Examples:
      | read     | shown                                       | output                                             |
      | data     | .[0]                                        | {amount: 7}                                        |
      | envelope | '.[0] \| {id, source, type, subject, data}' | {id: e1, source: /till, type: com.shop.paid, subject: ada, data: {amount: 7}} |
      | raw      | .[0] \| fromjson                            | {amount: 7}                                        |

  Scenario Outline: What a filter asks of an event
    Given the workflow "picky":
      """
      do:
        - wanted:
            listen:
              to:
                one:
                  with: <filter>
      """
    When "picky" is started for "ada" with: {limit: 100}
    And the event "com.shop.paid" from "/till/1" about "ada" comes with: {amount: 70, by: card}
    Then the execution for "ada" <ending>

    Examples: Equality
      | filter                                                | ending                                        |
      | {type: com.shop.paid}                                 | has completed with: [{amount: 70, by: card}]  |
      | {type: com.shop.paid, source: /till/1}                | has completed with: [{amount: 70, by: card}]  |
      | {type: com.shop.paid, source: /till}                  | is waiting                                    |
      | {type: com.shop.paid, data: {amount: 70, by: card}}   | has completed with: [{amount: 70, by: card}]  |
      | {type: com.shop.paid, data: {amount: 70}}             | is waiting                                    |

    Examples: Regular expressions
      | filter                                                | ending                                        |
      | {type: '^com\.shop\.p.+$'}                            | has completed with: [{amount: 70, by: card}]  |
      | {type: '^com\.shop\.s.+$'}                            | is waiting                                    |
      | {type: com.shop.paid, source: '^/till/[0-9]$'}        | has completed with: [{amount: 70, by: card}]  |

    Examples: Expressions
      | filter                                                | ending                                        |
      | {type: com.shop.paid, data: '${ .amount > 50 }'}      | has completed with: [{amount: 70, by: card}]  |
      | {type: com.shop.paid, data: '${ .amount > 80 }'}      | is waiting                                    |
      | {type: com.shop.paid, data: '${ .amount < $input.limit }'} | has completed with: [{amount: 70, by: card}] |
      | {type: com.shop.paid, data: '${ .amount.no.such }'}   | is waiting                                    |
      | {type: '${ startswith("com.shop") }'}                 | has completed with: [{amount: 70, by: card}]  |

  Scenario: Each event has a round of tasks, one after the other
    Given the workflow "ship":
      """
      do:
        - parcels:
            listen:
              to:
                any:
                  - with: {type: com.shop.parcel}
                until:
                  one: {with: {type: com.shop.closed}}
            foreach:
              item: parcel
              at: number
              do:
                - label:
                    call: label:1.0.0
                    with: {parcel: '${ $parcel.id }', number: '${ $number }'}
              output:
                as: '.parcel'
      """
    When "ship" is started for "ada"
    And the event "com.shop.parcel" about "ada" comes with: {id: a}
    Then the action "label:1.0.0" was called with: {parcel: a, number: 0}
    When the event "com.shop.parcel" about "ada" comes with: {id: b}
    And the event "com.shop.closed" about "ada" comes
    Then the action "label:1.0.0" was called in this order with: [{parcel: a, number: 0}, {parcel: b, number: 1}]
    And the execution for "ada" has completed with: [a, b]

  Scenario: Events that come during a round wait for their turn, and all have one
    Given the workflow "ship":
      """
      do:
        - parcels:
            listen:
              to:
                any:
                  - with: {type: com.shop.parcel}
                until: length == 3
            foreach:
              do:
                - rest: {wait: {minutes: 1}}
                - label: {call: 'label:1.0.0', with: {id: '${ $item.id }'}}
      """
    When "ship" is started for "ada"
    And the event "com.shop.parcel" about "ada" comes with: {id: a}
    And the event "com.shop.parcel" about "ada" comes with: {id: b}
    And the event "com.shop.parcel" about "ada" comes with: {id: c}
    And the event "com.shop.parcel" about "ada" comes with: {id: d}
    Then nothing was called
    When 3 minutes pass
    Then the action "label:1.0.0" was called 3 times, after 60, 120 and 180 seconds
    And the action "label:1.0.0" was called in this order with: [{id: a}, {id: b}, {id: c}]
    And the execution for "ada" has completed with: [{id: a}, {id: b}, {id: c}]

  Scenario Outline: Nobody answers in time
    Given the workflow "order":
      """
      do:
        - patience:
            try:
              - answer:
                  listen:
                    to:
                      one: {with: {type: com.shop.answered}}
                  timeout: {after: {hours: 1}}
            catch:
              errors: {with: {status: 408}}
              do:
                - gone: {set: {answer: none}}
      """
    When "order" is started for "ada"
    And <minutes> minutes pass
    And the event "com.shop.answered" about "ada" comes with: {said: "yes"}
    Then the execution for "ada" has completed with: <output>

    Examples:
      | minutes | output          |
      | 59      | [{said: "yes"}] |
      | 60      | {answer: none}  |

  Scenario: A wait outlives the death of the engine
    Given the workflow "order":
      """
      do:
        - both:
            listen:
              to:
                all:
                  - with: {type: com.shop.paid}
                  - with: {type: com.shop.packed}
      """
    When "order" is started for "ada"
    And the event "com.shop.paid" about "ada" comes with: {n: 1}
    And the engine is down for 3 days
    And the event "com.shop.packed" about "ada" comes with: {n: 2}
    Then the execution for "ada" has completed with: [{n: 1}, {n: 2}]
